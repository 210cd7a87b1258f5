//! Answers without understanding: what chance, the last thing mentioned and copying would say.
//!
//! They stand beside a model's scores, so that nobody takes counting for learning.

use std::collections::HashMap;

use super::Question;

/// Somebody who knows a text by heart and says what followed there.
#[derive(Debug)]
pub struct Parrot {
    words: HashMap<String, u32>,
    text: Vec<u32>,
    /// For each word, where it stands.
    places: Vec<Vec<usize>>,
}

impl Parrot {
    /// Reads a text, word by word; signs are words of their own.
    pub fn new(text: &str) -> Self {
        let mut parrot = Self { words: HashMap::new(), text: Vec::new(), places: Vec::new() };
        for word in split(text) {
            let next = parrot.places.len() as u32;
            let id = *parrot.words.entry(word.to_owned()).or_insert(next);
            if id == next {
                parrot.places.push(Vec::new());
            }
            parrot.places[id as usize].push(parrot.text.len());
            parrot.text.push(id);
        }
        parrot
    }

    /// Whether that answers a question: of all places that match the question's end over most words,
    /// what follows most of them.
    pub fn is_right(&self, question: &Question) -> bool {
        let prompt: Vec<&str> = split(&question.prompt).collect();
        let answer = split(&question.answer).map(|word| self.words.get(word).copied());
        let Some(answer) = answer.collect::<Option<Vec<u32>>>() else { return false };
        self.remembered(&prompt, answer.len()) == answer
    }

    /// The words that most often follow where the text matches a prompt's end best; none where it
    /// does not.
    fn remembered(&self, prompt: &[&str], words: usize) -> &[u32] {
        let known: Vec<Option<u32>> =
            prompt.iter().map(|word| self.words.get(*word).copied()).collect();
        let Some(&Some(last)) = known.last() else { return &[] };
        let mut best = 0;
        let mut said: HashMap<&[u32], usize> = HashMap::new();
        for &place in &self.places[last as usize] {
            let Some(next) = self.text.get(place + 1..place + 1 + words) else { continue };
            let back = self.text[..=place].iter().rev().zip(known.iter().rev());
            let length = back.take_while(|(there, here)| Some(**there) == **here).count();
            if length > best {
                best = length;
                said.clear();
            }
            if length == best {
                *said.entry(next).or_default() += 1;
            }
        }
        // Of several as frequent, the one whose words came first in the text.
        let most = said.into_iter().max_by_key(|(next, count)| (*count, std::cmp::Reverse(*next)));
        most.map_or(&[], |(next, _)| next)
    }
}

/// Whether a question is answered by the choice that followed the longest end of it that occurs in it
/// before; of several, the last.
pub fn is_copied(question: &Question) -> bool {
    let prompt: Vec<&str> = split(&question.prompt).collect();
    let choices: Vec<Vec<&str>> =
        question.choices.iter().map(|choice| split(choice).collect()).collect();
    let is_choice = |end: &usize| choices.iter().any(|choice| prompt[*end..].starts_with(choice));
    let ends = (1..prompt.len()).filter(is_choice);
    match ends.map(|end| (matching(&prompt[..end], &prompt), end)).max() {
        Some((length, end)) if length > 0 => {
            let said: Vec<&str> = split(&question.answer).collect();
            prompt[end..].starts_with(&said)
        }
        _ => false,
    }
}

/// Over how many words the end of one text is the end of another.
fn matching(one: &[&str], other: &[&str]) -> usize {
    one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count()
}

/// Words, and signs one by one.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|piece| {
        let mut rest = piece;
        std::iter::from_fn(move || {
            let first = rest.chars().next()?;
            let end = match first.is_alphanumeric() {
                true => rest.find(|sign: char| !sign.is_alphanumeric()).unwrap_or(rest.len()),
                false => first.len_utf8(),
            };
            let (word, after) = rest.split_at(end);
            rest = after;
            Some(word)
        })
    })
}

/// The choice that a question mentions last, if it mentions any.
pub fn last_mentioned(question: &Question) -> Option<&str> {
    let prompt: Vec<&str> = split(&question.prompt).collect();
    let place = |choice: &str| {
        let words: Vec<&str> = split(choice).collect();
        prompt.windows(words.len().max(1)).rposition(|part| part == words)
    };
    let mentioned = question.choices.iter().filter_map(|choice| Some((place(choice)?, choice)));
    mentioned.max_by_key(|(place, _)| *place).map(|(_, choice)| choice.as_str())
}

/// How often a choice at random is right.
pub fn by_chance(question: &Question) -> f64 {
    1.0 / question.choices.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Kind, Seen},
        *,
    };

    fn question(prompt: &str, answer: &str, choices: &[&str]) -> Question {
        Question {
            kind: Kind::LookupEasy,
            prompt: prompt.to_owned(),
            answer: answer.to_owned(),
            seen: Seen::HeldOut,
            choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
        }
    }

    #[test]
    fn a_parrot_says_what_followed_the_longest_match_most_often() {
        let parrot =
            Parrot::new("anna was born in june. tom was born in may. tom was born in may.");
        let ask = |prompt, answer| parrot.is_right(&question(prompt, answer, &[]));
        assert!(ask("anna was born in", " june"));
        assert!(!ask("anna was born in", " may"), "a longer match goes before a frequent one");
        assert!(ask("olga was born in", " may"), "of matches as long, what follows most often");
        assert!(ask("she was", " born in"), "several words");
        assert!(!ask("what never stood anywhere", " june"));
    }

    #[test]
    fn a_copier_finds_the_longest_match_in_the_question() {
        let is_right =
            |prompt, answer, choices: &[&str]| is_copied(&question(prompt, answer, choices));
        let colors = [" red", " gray"];
        assert!(is_right("the bird is red. the cat is gray. which? the bird is", " red", &colors));
        let told = "a red bird. a red cat. which one is red? the red";
        assert!(is_right(told, " cat", &[" bird", " cat"]), "of several, the last");
        assert!(!is_right(told, " bird", &[" bird", " cat"]));
        assert!(is_right("one two three one two", " three one", &[" three one", " two"]));
        assert!(!is_right("one two three", " four", &[" four"]));
    }

    #[test]
    fn the_last_mentioned_is_the_choice_that_stands_last() {
        let told =
            question("a red bird, a cat. the bird sang. who?", " cat", &[" bird", " cat", " dog"]);
        assert_eq!(last_mentioned(&told), Some(" bird"));
        assert_eq!(by_chance(&told), 1.0 / 3.0);
        assert_eq!(last_mentioned(&question("who?", " cat", &[" cat"])), None);
    }
}
