//! Questions with their answers: what a model that read the stories may know, and what it cannot.

use super::{
    context::{Riddle, list, lookup_easy, lookup_hard, mapping},
    draw::{Draw, For},
    facts::{put, wordings},
    grammar::agree,
    words::GENDERS,
    world::{Fact, Seen, World},
};

/// What a question tries. Each kind is scored apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A fact, in words in which the stories ask and answer it.
    FactAsked,
    /// A fact that the stories ask, in words in which they ask only others.
    FactReworded,
    /// A fact that the stories state and never ask.
    FactStated,
    /// The same of people of whom one seldom hears.
    FactRare,
    /// A fact that stands nowhere: whoever knows it has been told.
    FactHeldOut,
    /// What stood right after a word that comes again.
    LookupEasy,
    /// What stood two words after a word that comes again.
    LookupHard,
    /// The next word of a list that repeats.
    List,
    /// The other half of a pair that the stories never show among pairs.
    FewShot,
    /// *king − man + woman*, over embeddings.
    Analogy,
}

/// Something to be continued, and how.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Question {
    /// What it tries.
    pub kind: Kind,
    /// Up to the answer. Of an analogy three words: *man*'s is to *woman* as *king* is to.
    pub prompt: String,
    /// What comes next, with the space before it.
    pub answer: String,
    /// How much of it the stories let on.
    pub seen: Seen,
    /// What a guesser chooses from, as the answer is written, in the order of the text.
    pub choices: Vec<String>,
}

/// All facts, `each` questions of every kind that is drawn, and all analogies.
pub fn questions(seed: u64, each: usize) -> Vec<Question> {
    let world = World::new();
    let mut questions: Vec<Question> =
        world.facts.iter().flat_map(|fact| about(fact, &world)).collect();
    let mut drawn = 0;
    let mut ask = |kind, seen, riddle: fn(&mut Draw) -> Riddle| {
        for _ in 0..each {
            let riddle = riddle(&mut Draw::new(seed, For::Questions, drawn));
            drawn += 1;
            let Riddle { prompt, answer, choices } = riddle;
            questions.push(Question { kind, prompt: agree(&prompt), answer, seen, choices });
        }
    };
    ask(Kind::LookupEasy, Seen::HeldOut, lookup_easy);
    ask(Kind::LookupHard, Seen::HeldOut, lookup_hard);
    ask(Kind::List, Seen::HeldOut, list);
    ask(Kind::FewShot, Seen::Stated, |draw| mapping(true, draw));
    questions.extend(analogies());
    questions
}

/// The questions about one fact.
fn about(fact: &Fact, world: &World) -> Vec<Question> {
    let choices = choices(fact, world);
    let ask = |kind, wording: usize| Question {
        kind,
        prompt: put(wordings(fact.about)[wording], fact),
        answer: format!(" {}", fact.value),
        seen: fact.seen,
        choices: choices.clone(),
    };
    match fact.seen {
        Seen::Asked => {
            let other = 3 - fact.wordings[0] - fact.wordings[1];
            vec![ask(Kind::FactAsked, fact.wordings[0]), ask(Kind::FactReworded, other)]
        }
        Seen::Stated if fact.rare => vec![ask(Kind::FactRare, 0)],
        Seen::Stated => vec![ask(Kind::FactStated, 0)],
        Seen::HeldOut => vec![ask(Kind::FactHeldOut, 0)],
    }
}

/// Every value of the same kind, once.
fn choices(fact: &Fact, world: &World) -> Vec<String> {
    let mut values: Vec<&str> = world
        .facts
        .iter()
        .filter(|other| other.about == fact.about)
        .map(|other| other.value)
        .collect();
    values.sort_unstable();
    values.dedup();
    values.into_iter().map(|value| format!(" {value}")).collect()
}

/// The woman of every pair, from its man and those of *man* and *woman*.
fn analogies() -> impl Iterator<Item = Question> {
    let choices: Vec<String> = GENDERS.iter().map(|(_, woman, ..)| format!(" {woman}")).collect();
    GENDERS[1..].iter().map(move |(man, woman, ..)| Question {
        kind: Kind::Analogy,
        prompt: format!("man woman {man}"),
        answer: format!(" {woman}"),
        seen: Seen::HeldOut,
        choices: choices.clone(),
    })
}
