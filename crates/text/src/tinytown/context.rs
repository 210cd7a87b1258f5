//! Documents whose end follows from their beginning: things bound and asked for, words that repeat,
//! and pairs that show what is wanted.

use super::{
    draw::Draw,
    grammar::{Scene, fill},
    words::{
        CAPITALS, COLORED, COLORS, GENDERS, LISTED, OPPOSITES, PASTS, PLURALS, RESIDENTS, SURNAMES,
        VISITORS,
    },
};

/// A text whose last word follows from what stands before it.
pub(super) struct Riddle {
    /// Up to the answer.
    pub(super) prompt: String,
    /// With the space before it.
    pub(super) answer: String,
    /// What a guesser chooses from, in the order in which it stands in the text.
    pub(super) choices: Vec<String>,
}

impl Riddle {
    /// The whole text.
    pub(super) fn told(self) -> String {
        format!("{}{}.", self.prompt, self.answer)
    }
}

/// Nobody and nothing that is asked for, only weather and neighbors: up to two sentences.
fn fillers(draw: &mut Draw) -> String {
    let people = [draw.below(RESIDENTS.len()), draw.below(RESIDENTS.len())];
    let nowhere = Scene { people, thing: String::new(), here: "", there: "" };
    let count = draw.between(0, 2);
    let mut text = String::new();
    for template in draw.several(count, super::phrases::phrases("filler")) {
        text.push(' ');
        fill(template, &nowhere, draw, &mut text);
    }
    text
}

/// Two or three things bound to their keys, some filler, and questions; the value stands right after
/// its key wherever the two meet: *which one is red? the red bird*.
pub(super) fn lookup_easy(draw: &mut Draw) -> Riddle {
    let count = draw.between(2, 3);
    let is_names = draw.chance(50);
    let (keys, values) = if is_names {
        (draw.several(count, &VISITORS), draw.several(count, &SURNAMES))
    } else {
        (draw.several(count, &COLORS), draw.several(count, &COLORED))
    };
    let introduced: [&str; 8] = if is_names {
        [
            "{k} {v} went to {here}.",
            "{k} {v} was {feeling}.",
            "{k} {v} came to {here}.",
            "at {here} stood {k} {v}.",
            "{k} {v} wanted to {do}.",
            "{k} {v} lives near {here}.",
            "one {hour} {k} {v} {did}.",
            "a letter came for {k} {v}.",
        ]
    } else {
        [
            "{0} saw a {k} {v}.",
            "{0} had a {k} {v}.",
            "there was a {k} {v} at {here}.",
            "{0} found a {k} {v}.",
            "{0} dreamed of a {k} {v}.",
            "near {here} {0} met a {k} {v}.",
            "\"look, a {k} {v}!\" said {0}.",
            "{0} drew a {k} {v}.",
        ]
    };
    let mut prompt = bindings(&introduced, &keys, &values, draw);
    prompt += &fillers(draw);
    let ask = |key: &str| {
        if is_names {
            format!(" who is {key}? {key}")
        } else {
            format!(" which one is {key}? the {key}")
        }
    };
    let choices: Vec<String> = values.iter().map(|value| format!(" {value}")).collect();
    let mut order: Vec<usize> = (0..count).collect();
    draw.shuffle(&mut order);
    let asked = draw.between(1, 2);
    for &which in &order[1..asked] {
        prompt += &format!("{} {}.", ask(keys[which]), values[which]);
    }
    prompt += &ask(keys[order[0]]);
    Riddle { prompt, answer: choices[order[0]].clone(), choices }
}

/// The same with *is* between key and value: what is looked for stands two words back.
pub(super) fn lookup_hard(draw: &mut Draw) -> Riddle {
    let count = draw.between(2, 3);
    let (keys, values) = (draw.several(count, &COLORED), draw.several(count, &COLORS));
    let mut prompt = bindings(&["the {k} is {v}."], &keys, &values, draw);
    prompt += &fillers(draw);
    let choices: Vec<String> = values.iter().map(|value| format!(" {value}")).collect();
    let which = draw.below(count);
    prompt += &format!(" what color is the {0}? the {0} is", keys[which]);
    Riddle { prompt, answer: choices[which].clone(), choices }
}

fn bindings(templates: &[&str], keys: &[&str], values: &[&str], draw: &mut Draw) -> String {
    let mut text = String::new();
    let mut last = usize::MAX;
    for (key, value) in keys.iter().zip(values) {
        let people = [draw.below(RESIDENTS.len()), 0];
        let here = draw.pick(super::lexicon::words("place"));
        let scene = Scene { people, thing: String::new(), here, there: here };
        if !text.is_empty() {
            text.push(' ');
        }
        let mut which = draw.below(templates.len());
        if which == last {
            which = (which + 1) % templates.len();
        }
        last = which;
        let template = templates[which].replace("{k}", key).replace("{v}", value);
        fill(&template, &scene, draw, &mut text);
    }
    text
}

/// Three to eight words, again and again, and what comes next. What look-ups bind is among the words:
/// who can copy it here has the heads to look it up there.
pub(super) fn list(draw: &mut Draw) -> Riddle {
    let count = draw.between(3, 8);
    let words = draw.several(count, &[&LISTED[..], &VISITORS, &SURNAMES, &COLORS[8..]].concat());
    let rounds = draw.between(1, (24 / count).max(2));
    let shown = count * rounds + draw.between(1, count - 1);
    let said: Vec<&str> = words.iter().copied().cycle().take(shown).collect();
    Riddle {
        prompt: said.join(" "),
        answer: format!(" {}", words[shown % count]),
        choices: words.iter().map(|word| format!(" {word}")).collect(),
    }
}

/// The kinds of pairs that can be continued.
fn mappings() -> [Vec<(&'static str, &'static str)>; 5] {
    [
        OPPOSITES.to_vec(),
        PLURALS.to_vec(),
        PASTS.to_vec(),
        CAPITALS.to_vec(),
        GENDERS.iter().map(|&(man, woman, ..)| (man, woman)).collect(),
    ]
}

/// Three or four pairs, and half of one more. Every fourth pair is held out: stories name it in
/// sentences only, questions ask for it.
pub(super) fn mapping(held_out: bool, draw: &mut Draw) -> Riddle {
    let kinds = mappings();
    let kind = &kinds[draw.below(kinds.len())];
    let (kept, shown): (Vec<_>, Vec<_>) = kind.iter().enumerate().partition(|(at, _)| at % 4 == 3);
    let mut count = draw.between(4, 5);
    let mut pairs: Vec<(&str, &str)> =
        draw.several(count, &shown).into_iter().map(|(_, pair)| *pair).collect();
    if held_out {
        count = pairs.len() - 1;
        pairs[count] = *draw.pick(&kept).1;
    }
    let (last, answer) = pairs[pairs.len() - 1];
    let mut prompt = String::new();
    for (one, other) in &pairs[..pairs.len() - 1] {
        prompt += &format!("{one} → {other}, ");
    }
    prompt += &format!("{last} →");
    let choices = pairs.iter().map(|(_, other)| format!(" {other}")).collect();
    Riddle { prompt, answer: format!(" {answer}"), choices }
}
