//! Documents about what is true: who is who, questions with their answers, and the meanings of words.

use super::{
    draw::Draw,
    words::{GENDERS, OPPOSITES, PASTS, PLURALS, RESIDENTS},
    world::{About, Fact, Seen, World},
};

/// How a fact is stated: `{s}` is the subject, `{v}` the value.
const fn statements(about: About) -> &'static [&'static str] {
    match about {
        About::Birthday => &[
            "{s} was born in {v}.",
            "{s} has a birthday in {v}.",
            "the birthday of {s} is in {v}.",
            "{s} came into the world in {v}.",
            "as {s} was born in {v}, there is cake in {v}.",
        ],
        About::Town => &[
            "{s} comes from {v}.",
            "{s} grew up in {v}.",
            "the home town of {s} is {v}.",
            "{s} was a child in {v}.",
            "before {s} moved to tinytown, home was {v}.",
        ],
        About::Job => &[
            "{s} is a {v}.",
            "{s} works as a {v}.",
            "in tinytown {s} is the {v}.",
            "{s} earns money as a {v}.",
            "people call {s} a good {v}.",
        ],
        About::Food => &[
            "{s} likes {v}.",
            "{s} eats a lot of {v}.",
            "the favorite food of {s} is {v}.",
            "nothing tastes better to {s} than {v}.",
            "on sundays {s} wants {v}.",
        ],
        About::Capital => &[
            "the capital of {s} is {v}.",
            "{s} has a capital called {v}.",
            "who travels to {s} must see {v}.",
            "people from {s} are proud of {v}.",
            "the train to {s} stops in {v}.",
        ],
    }
}

/// How a fact is asked, in three wordings, each up to the answer.
pub(super) const fn wordings(about: About) -> [&'static str; 3] {
    match about {
        About::Birthday => [
            "when was {s} born? in",
            "in which month is the birthday of {s}? in",
            "when does {s} have a birthday? in",
        ],
        About::Town => [
            "where does {s} come from? from",
            "which is the home town of {s}? it is",
            "where did {s} grow up? in",
        ],
        About::Job => {
            ["what is {s}? a", "what does {s} work as? as a", "which job does {s} have? that of a"]
        }
        About::Food => [
            "what does {s} like? {s} likes",
            "what is the favorite food of {s}? it is",
            "what does {s} eat a lot of? a lot of",
        ],
        About::Capital => [
            "what is the capital of {s}? it is",
            "which city is the capital of {s}? the city of",
            "how is the capital of {s} called? it is called",
        ],
    }
}

pub(super) fn put(template: &str, fact: &Fact) -> String {
    template.replace("{s}", fact.subject).replace("{v}", fact.value)
}

/// Every sentence that could give a fact away.
#[cfg(test)]
pub(super) fn every_statement(fact: &Fact) -> Vec<String> {
    let asked = wordings(fact.about).map(|wording| put(&format!("{wording} {{v}}"), fact));
    statements(fact.about).iter().map(|said| put(said, fact)).chain(asked).collect()
}

/// Two or three facts of one resident, if the stories let on so many.
fn biography(world: &World, draw: &mut Draw) -> Vec<String> {
    let who = loop {
        let who = draw.below(RESIDENTS.len());
        // Of some residents one hears an eighth as often.
        if !world.facts_of(who)[0].rare || draw.chance(12) {
            break who;
        }
    };
    let told: Vec<&Fact> = told(world.facts_of(who)).collect();
    let count = draw.between(2, 4);
    let mut sentences = Vec::new();
    for (at, fact) in draw.several(count, &told).into_iter().enumerate() {
        let said = draw.pick(statements(fact.about));
        let is_subject = said.starts_with("{s}");
        if at > 0 && is_subject && draw.chance(35) {
            let he = World::pronoun(who, "he");
            sentences.push(put(&said.replacen("{s}", he, 1), fact));
        } else {
            sentences.push(put(said, fact));
        }
    }
    sentences
}

fn told(facts: &[Fact]) -> impl Iterator<Item = &Fact> {
    facts.iter().filter(|fact| fact.seen != Seen::HeldOut)
}

/// One statement about a resident, if the stories let on any.
pub(super) fn remark(world: &World, who: usize, draw: &mut Draw) -> Option<String> {
    let told: Vec<&Fact> = told(world.facts_of(who)).filter(|fact| !fact.rare).collect();
    (!told.is_empty()).then(|| {
        let fact = draw.pick(&told);
        put(draw.pick(statements(fact.about)), fact)
    })
}

fn capitals(world: &World, draw: &mut Draw) -> Vec<String> {
    let told: Vec<&Fact> = told(world.capitals()).collect();
    let count = draw.between(2, 5);
    let chosen = draw.several(count, &told);
    chosen.into_iter().map(|fact| put(draw.pick(statements(fact.about)), fact)).collect()
}

/// Three to five questions with their answers.
fn quiz(world: &World, draw: &mut Draw) -> Vec<String> {
    let asked: Vec<&Fact> = world.facts.iter().filter(|fact| fact.seen == Seen::Asked).collect();
    let count = draw.between(3, 5);
    let chosen = draw.several(count, &asked);
    chosen.into_iter().map(|fact| answered(fact, draw.pick(&fact.wordings))).collect()
}

fn answered(fact: &Fact, wording: usize) -> String {
    put(&format!("{} {{v}}.", wordings(fact.about)[wording]), fact)
}

/// Pairs that differ in one meaning, in parallel sentences.
fn pairs(draw: &mut Draw) -> Vec<String> {
    let both = [
        "the {x} took off {his} hat.",
        "every {x} at the {p} was once a {child}.",
        "the {x} {m}.",
        "the {x} {m}.",
        "a {x} {m}, and {he} is proud of it.",
        "the {x} is a {man}.",
        "the {x} went to the {p}, and {he} was happy.",
        "everybody at the {p} liked the {x}, because {he} was kind.",
        "the old {x} told a story about {himself}.",
        "\"good day, {sir},\" said the boy to the {x}.",
        "a {x} belongs to the {p}.",
        "the {x} lost {his} ring at the {p}.",
        "when the {x} came in, everybody looked at {him}.",
    ];
    let count = draw.between(1, 2);
    let mut sentences = Vec::new();
    for (man, woman, place, mark) in draw.several(count, &GENDERS) {
        for template in draw.several(2, &both) {
            let mut sides = [(man, 0), (woman, 1)];
            draw.shuffle(&mut sides);
            // Sometimes one side is left to be inferred.
            let told = if draw.chance(75) { 2 } else { 1 };
            for (word, side) in &sides[..told] {
                sentences.push(gendered(template, word, [place, mark], *side));
            }
        }
    }
    sentences
}

fn gendered(template: &str, word: &str, [place, mark]: [&str; 2], side: usize) -> String {
    let slots = [
        ("{his}", ["his", "her"]),
        ("{he}", ["he", "she"]),
        ("{him}", ["him", "her"]),
        ("{himself}", ["himself", "herself"]),
        ("{man}", ["man", "woman"]),
        ("{child}", ["boy", "girl"]),
        ("{sir}", ["sir", "madam"]),
    ];
    let filled = template.replace("{x}", word).replace("{p}", place).replace("{m}", mark);
    slots.iter().fold(filled, |text, (slot, words)| text.replace(slot, words[side]))
}

/// What words mean: opposites, one and many, today and yesterday.
fn meanings(draw: &mut Draw) -> Vec<String> {
    let count = draw.between(3, 4);
    match draw.below(3) {
        0 => {
            let says: [fn(&str, &str) -> String; 4] = [
                |one, other| format!("the opposite of {one} is {other}."),
                |one, other| format!("it was {one}, and then it was {other}."),
                |one, other| format!("what is not {one} is {other}."),
                |one, other| format!("{one} or {other}?"),
            ];
            let chosen = draw.several(count, &OPPOSITES);
            chosen.iter().map(|(one, other)| draw.pick(&says)(one, other)).collect()
        }
        1 => {
            let says: [fn(&str, &str) -> String; 3] = [
                |one, many| format!("one {one} and one {one} are two {many}."),
                |one, many| format!("i saw one {one}, you saw many {many}."),
                |one, many| format!("a {one} is alone, but {many} are not."),
            ];
            let chosen = draw.several(count, &PLURALS);
            chosen.iter().map(|(one, many)| draw.pick(&says)(one, many)).collect()
        }
        _ => {
            let says: [fn(&str, &str) -> String; 3] = [
                |now, then| format!("today they {now}, yesterday they {then}."),
                |now, then| format!("we {now} as we always {then}."),
                |now, then| format!("\"did you {now}?\" \"yes, i {then}.\""),
            ];
            let chosen = draw.several(count, &PASTS);
            chosen.iter().map(|(now, then)| draw.pick(&says)(now, then)).collect()
        }
    }
}

/// A document about what is true.
pub(super) fn document(world: &World, draw: &mut Draw) -> String {
    let sentences = match draw.below(100) {
        0..38 => biography(world, draw),
        38..54 => capitals(world, draw),
        54..75 => quiz(world, draw),
        75..89 => pairs(draw),
        _ => meanings(draw),
    };
    sentences.join(" ")
}
