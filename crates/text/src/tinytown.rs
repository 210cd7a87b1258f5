//! Tinytown, the built-in corpus: plain English whose truth is known, as long as asked for.
//!
//! A program that teaches needs a text of which one can say what there is to learn. Here live
//! forty-eight people with birthdays, home towns, jobs and favorite foods, the same in every story
//! (`world`, told in `facts`); visitors and colored things that only their story knows, lists that
//! repeat, and pairs to be continued (`context`); and tales about nothing much (`tale`). Whole
//! numbers only: a seed gives the same bytes on every machine. Read `questions` next.

mod context;
mod deeds;
mod draw;
mod facts;
mod fields;
mod grammar;
mod guess;
mod lexicon;
mod phrases;
mod questions;
mod tale;
#[cfg(test)]
mod tests;
mod words;
mod world;

pub use fields::Field;
pub use guess::{Parrot, by_chance, is_copied, last_mentioned};
pub use questions::{Kind, Question, questions};
pub use world::Seen;

use draw::{Draw, For};
use world::World;

/// The stories of one seed.
#[derive(Clone, Debug)]
pub struct Town {
    world: World,
    seed: u64,
    next: u64,
}

impl Town {
    /// The same town for every seed, with other stories.
    pub fn new(seed: u64) -> Self {
        Self { world: World::new(), seed, next: 0 }
    }

    /// A story by its number, without those before it: one line, no end of line.
    pub fn story(&self, number: u64) -> String {
        let mut draw = Draw::new(self.seed, For::Stories, number);
        let text = match draw.below(100) {
            0..38 => context::lookup_easy(&mut draw).told(),
            38..41 => context::lookup_hard(&mut draw).told(),
            41..65 => context::list(&mut draw).told(),
            65..72 => context::mapping(false, &mut draw).told(),
            72..92 => facts::document(&self.world, &mut draw),
            _ => tale::tale(&self.world, &mut draw),
        };
        grammar::agree(&text)
    }
}

impl Iterator for Town {
    type Item = String;

    /// The next story; there is always one.
    fn next(&mut self) -> Option<String> {
        let story = self.story(self.next);
        self.next += 1;
        Some(story)
    }
}

/// Whole stories, an empty line between them, until they are at least so many bytes; the text ends
/// with an end of line.
pub fn corpus(bytes: usize, seed: u64) -> String {
    pieces(bytes, seed).collect()
}

/// The same, story by story, so that any length can be printed.
pub fn pieces(bytes: usize, seed: u64) -> impl Iterator<Item = String> {
    let mut town = Town::new(seed);
    let mut told = 0;
    std::iter::from_fn(move || {
        if told >= bytes {
            return None;
        }
        let mut piece = town.next()?;
        if told > 0 {
            piece.insert(0, '\n');
        }
        piece.push('\n');
        told += piece.len();
        Some(piece)
    })
}
