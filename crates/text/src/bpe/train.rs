//! Learns merges: the commonest pair of neighbours becomes a piece, again and again.
//!
//! ```text
//! count the words; begin with the bytes
//! until the vocabulary is full:
//!     merge the commonest pair everywhere; of equally common ones, the one of the lowest ids
//! ```
//! 1. A word is merged once, however often it occurs; its count stands for the rest.
//! 2. For each pair, the places where it has stood; only these are looked at when it is merged, so that a
//!    word may be a whole text, as where a script has no spaces. Each merge at a place adds two at most:
//!    memory is in proportion to the different words, whatever the vocabulary's size.
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
    budget::{self, Budget},
    pattern::{GPT2, Pattern},
    vocabulary::Vocabulary,
};

/// Texts longer than this are counted in parts, side by side.
const PART: usize = 1 << 18;

/// A piece among the neighbours of its word; [`GONE`] where it was merged into the one before it.
#[derive(Clone, Copy)]
struct Place {
    piece: u32,
    before: u32,
    after: u32,
    word: u32,
}

/// No piece, no neighbour.
const GONE: u32 = u32::MAX;

/// Every different word's pieces, one word behind the other, and how often each word occurs.
struct Spelled {
    places: Vec<Place>,
    counts: Vec<i64>,
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
    let mut spelled = spelled(&counts.words, &vocabulary)?;
    grow(&mut vocabulary, &mut spelled, size)?;
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
fn spelled(words: &HashMap<String, i64>, vocabulary: &Vocabulary) -> Result<Spelled> {
    let mut words: Vec<(&String, i64)> = words.iter().map(|(word, &count)| (word, count)).collect();
    words.sort_unstable();
    let len = words.iter().map(|(word, _)| word.len()).sum::<usize>();
    if len >= GONE as usize {
        return Err(Refusal::user(format!(
            "the different words of the texts have {len} bytes together, more than a tokenizer can be \
             learned from; give less text"
        )));
    }
    let bytes: Vec<u32> = (0..=255)
        .map(|byte| vocabulary.id(alphabet::letter(byte).encode_utf8(&mut [0; 4])))
        .map(|id| id.expect("every byte was inserted"))
        .collect();
    let mut spelled = Spelled { places: Vec::with_capacity(len), counts: Vec::new() };
    for (word, count) in words {
        let first = spelled.places.len() as u32;
        let end = first + word.len() as u32;
        let place = |(at, byte): (u32, u8)| Place {
            piece: bytes[usize::from(byte)],
            before: if at > first { at - 1 } else { GONE },
            after: if at + 1 < end { at + 1 } else { GONE },
            word: spelled.counts.len() as u32,
        };
        spelled.places.extend((first..end).zip(word.bytes()).map(place));
        spelled.counts.push(count);
    }
    Ok(spelled)
}

/// How often a pair occurs, and where its left piece has stood (some places perhaps named twice).
#[derive(Default)]
struct Pair {
    count: i64,
    places: Vec<u32>,
}

fn grow(vocabulary: &mut Vocabulary, spelled: &mut Spelled, size: usize) -> Result<()> {
    let mut pairs: Map<Pair> = Map::default();
    for (place, at) in spelled.places.iter().zip(0..) {
        if let Some(after) = spelled.places.get(place.after as usize) {
            let pair = pairs.entry(key(place.piece, after.piece)).or_default();
            pair.count += spelled.counts[place.word as usize];
            pair.places.push(at);
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
        // A piece that no tokenizer would be read with is not learned.
        if merged.len() > budget::PIECE {
            continue;
        }
        // Two ways to the same piece are two merges and one piece.
        let id = match vocabulary.id(&merged) {
            Some(id) => id,
            None => {
                vocabulary.insert(&merged, vocabulary.size())?;
                vocabulary.size() - 1
            }
        };
        vocabulary.merges.push((left, right));
        let mut places = std::mem::take(&mut pairs.entry(best).or_default().places);
        places.sort_unstable();
        let mut changed: Vec<u64> = Vec::new();
        for at in places {
            spelled.merge(at, (left, right), id, |left, right, change, at| {
                let pair = pairs.entry(key(left, right)).or_default();
                pair.count += change;
                if change > 0 {
                    pair.places.push(at);
                    changed.push(key(left, right));
                }
            });
        }
        changed.sort_unstable();
        changed.dedup();
        // Counts that fell are corrected when they are popped; those that rose are pushed again.
        heap.extend(changed.iter().map(|key| (pairs[key].count, Reverse(*key))));
    }
    let listed: usize = pairs.values().map(|pair| pair.places.len()).sum();
    debug_assert!(listed <= 3 * spelled.places.len(), "a place is listed once, and twice a merge");
    Ok(())
}

impl Spelled {
    /// Merges a pair whose left piece stands at a place, if it still does, and returns which neighbours came
    /// and went: left, right, the change of their count, and the place of the left one.
    fn merge(
        &mut self,
        at: u32,
        (left, right): (u32, u32),
        id: u32,
        mut change: impl FnMut(u32, u32, i64, u32),
    ) {
        let here = self.places[at as usize];
        let Some(&next) = self.places.get(here.after as usize) else { return };
        if here.piece != left || next.piece != right {
            return;
        }
        let count = self.counts[here.word as usize];
        change(left, right, -count, at);
        if let Some(before) = self.places.get(here.before as usize) {
            change(before.piece, left, -count, here.before);
            change(before.piece, id, count, here.before);
        }
        if let Some(after) = self.places.get_mut(next.after as usize) {
            change(right, after.piece, -count, here.after);
            change(id, after.piece, count, at);
            after.before = at;
        }
        self.places[here.after as usize].piece = GONE;
        self.places[at as usize] = Place { piece: id, after: next.after, ..here };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The definition that opens this file.
    fn by_definition(texts: &[&str], size: usize) -> Vec<(u32, u32)> {
        let mut counts = Counts::new().unwrap();
        counts.add(texts).unwrap();
        let mut vocabulary = train(&counts, 256, &[]).unwrap();
        let mut words: Vec<(Vec<u32>, i64)> = Vec::new();
        for (word, &count) in &counts.words.iter().collect::<BTreeMap<_, _>>() {
            let letters = word.bytes().map(|byte| alphabet::letter(byte).to_string());
            words.push((letters.map(|letter| vocabulary.id(&letter).unwrap()).collect(), *count));
        }
        while (vocabulary.size() as usize) < size {
            let mut pairs: BTreeMap<(u32, u32), i64> = BTreeMap::new();
            for (pieces, count) in &words {
                pieces
                    .windows(2)
                    .for_each(|two| *pairs.entry((two[0], two[1])).or_default() += count);
            }
            let best = pairs.into_iter().max_by_key(|&(pair, count)| (count, Reverse(pair)));
            let Some(((left, right), 2..)) = best else { break };
            let merged = format!("{}{}", vocabulary.piece(left), vocabulary.piece(right));
            if vocabulary.id(&merged).is_none() {
                vocabulary.insert(&merged, vocabulary.size()).unwrap();
            }
            let id = vocabulary.id(&merged).unwrap();
            vocabulary.merges.push((left, right));
            for (pieces, _) in &mut words {
                let mut at = 0;
                while at + 1 < pieces.len() {
                    if (pieces[at], pieces[at + 1]) == (left, right) {
                        pieces[at] = id;
                        pieces.remove(at + 1);
                    }
                    at += 1;
                }
            }
        }
        vocabulary.merges
    }

    fn learned(texts: &[&str], size: usize) -> Vec<(u32, u32)> {
        let mut counts = Counts::new().unwrap();
        counts.add(texts).unwrap();
        train(&counts, size, &[]).unwrap().merges
    }

    proptest! {
        #[test]
        fn merges_are_those_of_the_definition(
            texts in prop::collection::vec("[ab]{0,40}|[a-c ]{0,40}|[abé日本]{0,30}", 0..6),
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            prop_assert_eq!(learned(&texts, 290), by_definition(&texts, 290));
        }
    }

    #[test]
    fn a_word_of_a_million_characters_is_learned_from() {
        // Ideographs without a break, as unlike as a text's: a walk over 3000 of them.
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let common = (state >> 33) % 3000 * ((state >> 45) % 3000) / 3000;
            char::from_u32(0x4e00 + common as u32).unwrap()
        };
        let text: String = (0..1_000_000).map(|_| next()).collect();
        let merges = learned(&[&text], 4096);
        assert_eq!(merges.len(), 4096 - 256);
        let one = "a".repeat(1_000_000);
        // 2, 4, 8, … letters, up to the longest piece that is read.
        assert_eq!(learned(&[&one], 4096).len(), budget::PIECE.ilog2() as usize);
    }
}
