//! Learns merges: the commonest pair of neighbours becomes a piece, again and again.
//!
//! ```text
//! count the words; begin with the bytes
//! until the vocabulary is full:
//!     merge the commonest pair everywhere; of equally common ones, the one of the lowest ids
//! ```
//! 1. A word is merged once, however often it occurs; its count stands for the rest.
//! 2. For each pair, the words that have contained it; only these are looked at when it is merged.
//! 3. A heap of pairs with counts that may be out of date: the best is checked, and put back if it is.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use lookback_files::{Refusal, Result};
use rayon::prelude::*;

use super::pairs::{Map, key};
use crate::{
    alphabet,
    budget::Budget,
    pattern::{GPT2, Pattern},
    vocabulary::Vocabulary,
};

/// Texts longer than this are counted in parts, side by side.
const PART: usize = 1 << 18;

/// A different word, spelled in pieces, and how often it occurs.
struct Word {
    pieces: Vec<u32>,
    count: i64,
}

/// Words and how often they occur, in texts as they come.
#[derive(Debug)]
pub(crate) struct Counts {
    pattern: Pattern,
    words: HashMap<String, i64>,
}

impl Counts {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { pattern: Pattern::regex(GPT2)?, words: HashMap::new() })
    }

    /// Counts the words of texts too.
    pub(crate) fn add(&mut self, texts: &[&str]) -> Result<()> {
        let parts: Vec<&str> = texts.iter().flat_map(|text| parts(text)).collect();
        let pattern = &self.pattern;
        if let [part] = *parts {
            return count(pattern, part, &mut self.words);
        }
        let counted = |part: &&str| {
            let mut words = HashMap::new();
            count(pattern, part, &mut words).map(|()| words)
        };
        let add = |all: HashMap<String, i64>, some| Ok(sum(all, some));
        let words = parts.par_iter().map(counted).try_reduce(HashMap::new, add)?;
        self.words = sum(std::mem::take(&mut self.words), words);
        Ok(())
    }
}

fn count(pattern: &Pattern, text: &str, words: &mut HashMap<String, i64>) -> Result<()> {
    pattern.spans(text, &Budget::new(text.len(), 1), &mut |span, _| {
        match words.get_mut(&text[span.clone()]) {
            Some(count) => *count += 1,
            None => drop(words.insert(text[span].to_owned(), 1)),
        }
        Ok(())
    })
}

fn sum(all: HashMap<String, i64>, some: HashMap<String, i64>) -> HashMap<String, i64> {
    let (mut all, some) = if all.len() < some.len() { (some, all) } else { (all, some) };
    #[allow(clippy::iter_over_hash_type, reason = "sums of whole numbers have no order")]
    for (word, count) in some {
        *all.entry(word).or_default() += count;
    }
    all
}

/// Refuses a vocabulary that has no room for what stands in each.
pub(crate) fn check_size(size: usize, specials: usize) -> Result<()> {
    let least = specials + 256;
    if size >= least {
        return Ok(());
    }
    Err(Refusal::user(format!(
        "a vocabulary of {size} has no room for 256 bytes and {specials} special tokens; ask for at least {least}"
    )))
}

/// Pieces in this order: `specials`, the 256 bytes, the merges. Fewer than asked for where the
/// texts have no pair twice.
pub(crate) fn train(counts: &Counts, size: usize, specials: &[&str]) -> Result<Vocabulary> {
    let mut vocabulary = Vocabulary::default();
    for (special, id) in specials.iter().zip(0..) {
        vocabulary.insert(special, id)?;
    }
    // In the order of their letters, as GPT-2 has them.
    let mut letters: Vec<char> = (0..=255).map(alphabet::letter).collect();
    letters.sort_unstable();
    for letter in letters {
        vocabulary.insert(letter.encode_utf8(&mut [0; 4]), vocabulary.size())?;
    }
    let mut words = spelled(&counts.words, &vocabulary);
    grow(&mut vocabulary, &mut words, size)?;
    Ok(vocabulary)
}

/// Cuts before a line feed that follows another character than white space: no word crosses that.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > PART {
        let cut = rest
            .as_bytes()
            .windows(2)
            .skip(PART)
            .position(|two| two[1] == b'\n' && two[0].is_ascii_graphic());
        let Some(cut) = cut else { break };
        let (part, after) = rest.split_at(PART + cut + 1);
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

/// The words as pieces, in an order that the texts alone decide.
fn spelled(words: &HashMap<String, i64>, vocabulary: &Vocabulary) -> Vec<Word> {
    let mut words: Vec<(&String, i64)> = words.iter().map(|(word, &count)| (word, count)).collect();
    words.sort_unstable();
    let bytes: Vec<u32> = (0..=255)
        .map(|byte| vocabulary.id(alphabet::letter(byte).encode_utf8(&mut [0; 4])))
        .map(|id| id.expect("every byte was inserted"))
        .collect();
    let word = |(word, count): (&String, i64)| Word {
        pieces: word.bytes().map(|byte| bytes[usize::from(byte)]).collect(),
        count,
    };
    words.into_iter().map(word).collect()
}

/// How often a pair occurs, and in which words it has been (some perhaps named twice).
#[derive(Default)]
struct Pair {
    count: i64,
    words: Vec<u32>,
}

fn grow(vocabulary: &mut Vocabulary, words: &mut [Word], size: usize) -> Result<()> {
    let mut pairs: Map<Pair> = Map::default();
    for (word, at) in words.iter().zip(0..) {
        for two in word.pieces.windows(2) {
            let pair = pairs.entry(key(two[0], two[1])).or_default();
            pair.count += word.count;
            if pair.words.last() != Some(&at) {
                pair.words.push(at);
            }
        }
    }
    let mut heap: BinaryHeap<(i64, Reverse<u64>)> =
        pairs.iter().map(|(&key, pair)| (pair.count, Reverse(key))).collect();
    while (vocabulary.size() as usize) < size {
        let Some((count, Reverse(best))) = heap.pop() else { break };
        let current = pairs.get(&best).map_or(0, |pair| pair.count);
        if current != count {
            heap.push((current, Reverse(best)));
            continue;
        }
        // What occurs once is not worth a piece, and nothing occurs more often.
        if count < 2 {
            break;
        }
        let (left, right) = ((best >> 32) as u32, best as u32);
        let merged = format!("{}{}", vocabulary.piece(left), vocabulary.piece(right));
        // Two ways to the same piece are two merges and one piece.
        let id = match vocabulary.id(&merged) {
            Some(id) => id,
            None => {
                vocabulary.insert(&merged, vocabulary.size())?;
                vocabulary.size() - 1
            }
        };
        vocabulary.merges.push((left, right));
        let mut at = std::mem::take(&mut pairs.entry(best).or_default().words);
        at.sort_unstable();
        at.dedup();
        let mut changed: Vec<u64> = Vec::new();
        for at in at {
            replace(&mut words[at as usize], (left, right), id, |left, right, change| {
                let pair = pairs.entry(key(left, right)).or_default();
                pair.count += change;
                if change > 0 {
                    pair.words.push(at);
                    changed.push(key(left, right));
                }
            });
        }
        changed.sort_unstable();
        changed.dedup();
        // Counts that fell are found out when they are popped; those that rose must be told.
        heap.extend(changed.iter().map(|key| (pairs[key].count, Reverse(*key))));
    }
    Ok(())
}

/// Merges a pair in a word, from the left, and tells which neighbours came and went.
fn replace(
    word: &mut Word,
    (left, right): (u32, u32),
    id: u32,
    mut change: impl FnMut(u32, u32, i64),
) {
    let before = std::mem::take(&mut word.pieces);
    let mut after = Vec::with_capacity(before.len());
    let mut at = 0;
    while at < before.len() {
        if before[at..].starts_with(&[left, right]) {
            after.push(id);
            at += 2;
        } else {
            after.push(before[at]);
            at += 1;
        }
    }
    if after.len() < before.len() {
        before.windows(2).for_each(|two| change(two[0], two[1], -word.count));
        after.windows(2).for_each(|two| change(two[0], two[1], word.count));
    }
    word.pieces = after;
}
