//! What is true in Tinytown, in every story and whatever the seed: who was born when, comes from
//! where, works as what, likes which food; and how much of it the stories let on.

use super::{
    draw::{Draw, For},
    words::{CAPITALS, FOODS, JOBS, MONTHS, RESIDENTS, TOWNS},
};

/// The town was founded once; no seed of a story changes it.
const FOUNDED: u64 = 1847;

/// How much of a fact the stories let on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// It is stated, and asked and answered.
    Asked,
    /// It is stated, and never asked.
    Stated,
    /// It stands nowhere.
    HeldOut,
}

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum About {
    Birthday,
    Town,
    Job,
    Food,
    Capital,
}

/// One thing that is true.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) about: About,
    /// A resident or a country.
    pub(super) subject: &'static str,
    pub(super) value: &'static str,
    pub(super) seen: Seen,
    /// The wordings it is asked in, if it is; it is never asked in the third.
    pub(super) wordings: [usize; 2],
    /// Stated once in many pages.
    pub(super) rare: bool,
}

/// All that is true.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) facts: Vec<Fact>,
}

/// Facts that belong to one resident.
pub(super) const FACTS_EACH: usize = 4;

impl World {
    /// Founds the town.
    pub(super) fn new() -> Self {
        let mut draw = Draw::new(FOUNDED, For::World, 0);
        let birthdays = dealt(&MONTHS, RESIDENTS.len(), &mut draw);
        let towns = dealt(&TOWNS, RESIDENTS.len(), &mut draw);
        let jobs = dealt(&JOBS, RESIDENTS.len(), &mut draw);
        let foods = dealt(&FOODS, RESIDENTS.len(), &mut draw);
        let mut facts = Vec::new();
        for (who, subject) in RESIDENTS.into_iter().enumerate() {
            let values = [
                (About::Birthday, birthdays[who]),
                (About::Town, towns[who]),
                (About::Job, jobs[who]),
                (About::Food, foods[who]),
            ];
            // Every eighth resident is somebody of whom one seldom hears.
            let rare = who % 8 == 5;
            for (about, value) in values {
                facts.push(fact(about, subject, value, rare, &mut draw));
            }
        }
        for (country, capital) in CAPITALS {
            facts.push(fact(About::Capital, country, capital, false, &mut draw));
        }
        spread(&mut facts, &mut draw);
        Self { facts }
    }

    /// The name of a resident.
    pub(super) fn name(who: usize) -> &'static str {
        RESIDENTS[who]
    }

    /// `he`, `him` or `his` of a resident, or what stands there for a woman.
    pub(super) fn pronoun(who: usize, he: &str) -> &'static str {
        let is_man = who < RESIDENTS.len() / 2;
        match (he, is_man) {
            ("him", true) => "him",
            ("his", true) => "his",
            ("him" | "his", false) => "her",
            (_, true) => "he",
            (_, false) => "she",
        }
    }

    /// The facts of a resident.
    pub(super) fn facts_of(&self, who: usize) -> &[Fact] {
        &self.facts[FACTS_EACH * who..FACTS_EACH * (who + 1)]
    }

    /// The facts of countries.
    pub(super) fn capitals(&self) -> &[Fact] {
        &self.facts[FACTS_EACH * RESIDENTS.len()..]
    }
}

fn fact(
    about: About,
    subject: &'static str,
    value: &'static str,
    rare: bool,
    draw: &mut Draw,
) -> Fact {
    let mut wordings = [0, 1];
    if draw.chance(50) {
        wordings = [0, 2];
    }
    Fact { about, subject, value, seen: Seen::Stated, wordings, rare }
}

/// The same number of each, in any order, so that no answer is a good guess.
fn dealt(values: &[&'static str], count: usize, draw: &mut Draw) -> Vec<&'static str> {
    let mut dealt: Vec<&str> = values.iter().copied().cycle().take(count).collect();
    draw.shuffle(&mut dealt);
    dealt
}

/// Of the facts about each thing, half are asked and every twelfth about people is held out. Of
/// what is rare nothing is asked.
fn spread(facts: &mut [Fact], draw: &mut Draw) {
    for about in [About::Birthday, About::Town, About::Job, About::Food, About::Capital] {
        let mut which: Vec<usize> = (0..facts.len())
            .filter(|&fact| facts[fact].about == about && !facts[fact].rare)
            .collect();
        draw.shuffle(&mut which);
        let held_out = if about == About::Capital { 0 } else { which.len() / 12 };
        for &fact in &which[..held_out] {
            facts[fact].seen = Seen::HeldOut;
        }
        for &fact in &which[held_out..held_out + which.len() / 2] {
            facts[fact].seen = Seen::Asked;
        }
    }
}
