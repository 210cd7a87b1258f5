//! A unigram language model: of all ways to cut a word into pieces, the one whose scores have the largest sum.
//!
//! ```text
//! best[0] = 0
//! for each character's place, ascending:
//!     for each piece that the word has there, the shortest first:
//!         best[behind it] = the larger of best[behind it] and best[here] + its score; of equal ones the first
//!     where none is that one character: the same with the unknown token's score
//! the way back from the end is the answer
//! ```
//! 1. Pieces are looked up in a tree of their bytes, all that begin at a place in one walk.
//! 2. Where no piece goes on beyond a place, every way passes it, so what stands before it is settled and handed on:
//!    the memory is that of the longest stretch without such a place, and a word may be a whole text.
//!
//! Hugging Face's tokenizers add in f64. SentencePiece adds in f32, and where a sum is farther from 0 than 100,000 it begins
//! again from 0, taking the sum from those that pieces already reached. Each of the two is followed to the last bit,
//! since equal sums are common. `naive` is the loop above.

#[cfg(test)]
mod naive;
mod trie;

use std::{collections::HashMap, ops::Range};

use lookback_files::Result;

use self::trie::Trie;
use crate::{bpe::Unknown, budget, sentence_piece::Kind, vocabulary::Vocabulary};

/// A sum farther from 0 SentencePiece takes from all that go on.
const FARTHEST_SUM: f64 = 100_000.0;

/// How much less likely the unknown token is than the least likely piece.
const UNKNOWN_PENALTY: f64 = 10.0;
/// The score of a user-defined symbol, for each byte but the first.
const USER_DEFINED: f64 = 0.1;

/// What the pieces of a word are chosen by.
#[derive(Debug)]
pub(crate) struct Scores {
    /// Of each id; none for what is never found in a text.
    pub(crate) pieces: Vec<Option<f64>>,
    /// Of the unknown token.
    pub(crate) unknown: f64,
    /// Whether sums are SentencePiece's, in f32, not those of Hugging Face's tokenizers.
    pub(crate) is_sentence_piece: bool,
}

impl Scores {
    /// Those of a `tokenizer.json`: every piece is found in a text, special ones too.
    pub(crate) fn of_json(scores: &[f64]) -> Self {
        let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let pieces = scores.iter().copied().map(Some).collect();
        Self { pieces, unknown: least - UNKNOWN_PENALTY, is_sentence_piece: false }
    }

    /// Those of a `tokenizer.model`: only normal and user-defined pieces are found in a text. All arithmetic is
    /// the library's, f32 where it has that.
    pub(crate) fn of_sentence_piece(
        vocabulary: &Vocabulary,
        scores: &[f64],
        kinds: &[Kind],
    ) -> Self {
        let scores = || scores.iter().map(|score| *score as f32);
        let normal = || scores().zip(kinds).filter(|(_, kind)| **kind == Kind::Normal);
        let least = normal().map(|(score, _)| score).fold(f32::MAX, f32::min);
        let score = |(id, (score, kind)): (u32, (f32, &Kind))| match kind {
            Kind::Normal => Some(f64::from(score)),
            Kind::UserDefined => {
                let bytes = vocabulary.piece(id).len();
                Some(f64::from((bytes.saturating_sub(1) as f64 * USER_DEFINED) as f32))
            }
            Kind::Unknown | Kind::Control | Kind::Unused | Kind::Byte => None,
        };
        Self {
            pieces: (0..).zip(scores().zip(kinds)).map(score).collect(),
            unknown: f64::from(least - UNKNOWN_PENALTY as f32),
            is_sentence_piece: true,
        }
    }
}

/// A vocabulary with its scores, ready to encode words.
#[derive(Debug)]
pub(crate) struct Unigram {
    scores: Scores,
    trie: Trie,
    /// The ids of pieces that have several characters which may all be unknown; of a `tokenizer.json` only.
    ids: HashMap<Box<str>, u32>,
    /// The piece of each byte, in a byte fallback.
    bytes: Option<Box<[Option<u32>; 256]>>,
    unknown: Option<u32>,
}

/// The end of a piece, and the best way to it.
#[derive(Clone, Copy)]
struct Node {
    /// The sum of the scores on the way.
    score: f64,
    /// Where the last piece begins; `NOWHERE` where no way comes.
    start: u32,
    id: u32,
}

const NOWHERE: u32 = u32::MAX;
const NONE: Node = Node { score: 0.0, start: NOWHERE, id: 0 };

impl Unigram {
    /// Prepares a model to encode.
    pub(crate) fn new(model: &Vocabulary, scores: Scores) -> Result<Self> {
        let found = || {
            model.pieces().filter(|&(id, piece)| {
                !piece.is_empty() && scores.pieces.get(id as usize).is_some_and(Option::is_some)
            })
        };
        let longest = found().map(|(_, piece)| piece.len()).max().unwrap_or(0);
        budget::check(longest, budget::UNIGRAM_PIECE, "bytes in a piece of its Unigram model")?;
        let all = found().map(|(_, piece)| piece.len()).sum();
        budget::check(all, budget::UNIGRAM, "bytes in the pieces of its Unigram model")?;
        let trie = Trie::new(found().map(|(id, piece)| (piece.as_bytes(), id)));
        let bytes = model.byte_fallback.then(|| {
            let mut bytes = Box::new([None; 256]);
            for byte in 0..=255u8 {
                bytes[usize::from(byte)] = model.id(&format!("<0x{byte:02X}>"));
            }
            bytes
        });
        let ids = match scores.is_sentence_piece {
            true => HashMap::new(),
            false => found().map(|(id, piece)| (piece.into(), id)).collect(),
        };
        Ok(Self { scores, trie, ids, bytes, unknown: model.unknown })
    }

    /// Appends the pieces of a word.
    pub(crate) fn encode(&self, word: &str, ids: &mut Vec<u32>) -> Result<(), Unknown> {
        let text = word.as_bytes();
        let mut way = Way { nodes: vec![Node { start: 0, ..NONE }], from: 0 };
        let mut unknown = Run::default();
        let mut at = 0;
        while at < text.len() {
            if way.ends_at(at) {
                way.settle(&mut |span, id| self.push(word, span, id, &mut unknown, ids));
            }
            let here = way.sum_at(at, &self.scores);
            let character = word[at..].chars().next().unwrap_or_default();
            let mut is_known = false;
            self.trie.walk(&text[at..], &mut |length, id| {
                let score = self.scores.pieces[id as usize].unwrap_or_default();
                way.reach(at..at + length, id, self.scores.added(here, score));
                is_known |= length == character.len_utf8();
            });
            if !is_known {
                let id = self.unknown.ok_or(Unknown::Character(character))?;
                let sum = self.scores.added(here, self.scores.unknown);
                way.reach(at..at + character.len_utf8(), id, sum);
            }
            at += character.len_utf8();
        }
        way.settle(&mut |span, id| self.push(word, span, id, &mut unknown, ids));
        self.end(word, &mut unknown, ids);
        Ok(())
    }

    /// Appends a piece; unknown ones in a row wait for their end.
    fn push(&self, word: &str, span: Range<usize>, id: u32, unknown: &mut Run, ids: &mut Vec<u32>) {
        if self.unknown != Some(id) {
            self.end(word, unknown, ids);
            ids.push(id);
        } else if unknown.start == unknown.end {
            *unknown = span;
        } else {
            unknown.end = span.end;
        }
    }

    /// Appends what becomes of unknown characters in a row: their bytes, or one token for all.
    fn end(&self, word: &str, unknown: &mut Run, ids: &mut Vec<u32>) {
        let run = &word[std::mem::take(unknown)];
        if run.is_empty() {
            return;
        }
        let fallback = || -> Option<Vec<u32>> {
            let bytes = self.bytes.as_ref()?;
            run.bytes().map(|byte| bytes[usize::from(byte)]).collect()
        };
        // Where scores are above 0, two unknown characters may be likelier than the piece of both.
        if let Some(&id) = self.ids.get(run) {
            ids.push(id);
        } else if let Some(fallback) = fallback() {
            ids.extend(fallback);
        } else {
            ids.extend(self.unknown);
        }
    }
}

/// Unknown characters in a row: bytes of the word.
type Run = Range<usize>;

impl Scores {
    /// A sum and one more score. Of two values of f32 the sum in f64, rounded, is the sum in f32.
    fn added(&self, sum: f64, score: f64) -> f64 {
        let sum = sum + score;
        if self.is_sentence_piece { f64::from(sum as f32) } else { sum }
    }
}

/// The best ways to the places that are not settled yet.
struct Way {
    /// By the bytes from `from` on; the first is where every way begins.
    nodes: Vec<Node>,
    from: usize,
}

impl Way {
    /// Whether all ways that go on pass a place.
    fn ends_at(&self, at: usize) -> bool {
        at > self.from && self.from + self.nodes.len() == at + 1
    }

    /// The sum of the best way to a place that pieces may begin at.
    fn sum_at(&mut self, at: usize, scores: &Scores) -> f64 {
        let at = at - self.from;
        let sum = self.nodes[at].score;
        if !scores.is_sentence_piece || sum.abs() <= FARTHEST_SUM {
            return sum;
        }
        let ahead = self.nodes[at..].iter_mut().filter(|node| node.start != NOWHERE);
        ahead.for_each(|node| node.score = scores.added(node.score, -sum));
        0.0
    }

    /// Goes to the end of a piece, if no better way comes there.
    fn reach(&mut self, span: Range<usize>, id: u32, sum: f64) {
        let (start, end) = (span.start - self.from, span.end - self.from);
        if end >= self.nodes.len() {
            self.nodes.resize(end + 1, NONE);
        }
        let node = &mut self.nodes[end];
        if node.start == NOWHERE || sum > node.score {
            *node = Node { score: sum, start: start as u32, id };
        }
    }

    /// Hands on the pieces of the best way to the last place, where the ways begin from now on.
    fn settle(&mut self, visit: &mut dyn FnMut(Range<usize>, u32)) {
        let mut end = self.nodes.len() - 1;
        let score = self.nodes[end].score;
        // The way back: each piece's end is kept where the piece before it begins.
        let mut ends = Vec::new();
        while end > 0 {
            ends.push(end);
            end = self.nodes[end].start as usize;
        }
        for end in ends.into_iter().rev() {
            let Node { start, id, .. } = self.nodes[end];
            visit(self.from + start as usize..self.from + end, id);
        }
        self.from += self.nodes.len() - 1;
        self.nodes.clear();
        self.nodes.push(Node { score, start: 0, ..NONE });
    }
}

#[cfg(test)]
mod tests;
