//! Any merges over eight letters: a text's pieces are those of the definition, whichever way is taken.
//!
//! Of a case, the first byte says how long the merges are and how pieces are spelled; each merge is two
//! bytes, which choose among the pieces there are; all that follows is the text.

use lookback_text::{Specials, Tokenizer};
use serde_json::json;

const LETTERS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A vocabulary in words, and a text.
struct Case {
    pieces: Vec<String>,
    merges: Vec<(String, String)>,
    text: String,
    is_byte_level: bool,
    ignores_merges: bool,
}

impl Case {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&how, rest) = bytes.split_first()?;
        let (merging, text) = rest.split_at_checked(2 * usize::from(how & 31))?;
        let mut pieces: Vec<String> = LETTERS.map(str::to_owned).to_vec();
        let mut merges = Vec::new();
        for two in merging.as_chunks::<2>().0 {
            let [left, right] = two.map(|at| pieces[usize::from(at) % pieces.len()].clone());
            let merged = format!("{left}{right}");
            // Pieces that double with each merge would soon fill the memory, and no text has them.
            if merged.len() > 64 {
                continue;
            }
            if !pieces.contains(&merged) {
                pieces.push(merged);
            }
            merges.push((left, right));
        }
        let text = text.iter().map(|byte| LETTERS[usize::from(byte & 7)]).collect();
        let (is_byte_level, ignores_merges) = (how & 32 != 0, how & 64 != 0);
        Some(Self { pieces, merges, text, is_byte_level, ignores_merges })
    }

    fn tokenizer(&self) -> Tokenizer {
        let vocab: serde_json::Map<_, _> =
            self.pieces.iter().zip(0..).map(|(piece, id)| (piece.clone(), json!(id))).collect();
        let byte_level =
            json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false});
        let file = json!({
            "pre_tokenizer": if self.is_byte_level { byte_level } else { json!(null) },
            "decoder": {"type": "Fuse"},
            "model": {
                "type": "BPE",
                "vocab": vocab,
                "merges": self.merges,
                "ignore_merges": self.ignores_merges,
            },
        });
        Tokenizer::from_json(&file.to_string()).expect("a vocabulary of letters and their merges")
    }

    /// Of all neighbours those whose merge stands last in the list for its first time, as a table that
    /// is filled in order has it; of equal ones the leftmost.
    fn by_definition(&self) -> Vec<u32> {
        let id = |piece: &String| self.pieces.iter().position(|known| known == piece);
        if let (true, Some(id)) = (self.ignores_merges, id(&self.text)) {
            return vec![id as u32];
        }
        let mut pieces: Vec<String> = self.text.chars().map(String::from).collect();
        loop {
            let rank = |at: usize| {
                let two = (&pieces[at], &pieces[at + 1]);
                self.merges.iter().rposition(|(left, right)| (left, right) == two)
            };
            let ranks = (0..pieces.len().saturating_sub(1)).filter_map(|at| Some((rank(at)?, at)));
            let Some((_, at)) = ranks.min() else { break };
            let right = pieces.remove(at + 1);
            pieces[at] += &right;
        }
        pieces.iter().map(|piece| id(piece).expect("merges make pieces") as u32).collect()
    }
}

/// Holds one case against the definition.
pub fn check(bytes: &[u8]) {
    let Some(case) = Case::read(bytes.get(..2000).unwrap_or(bytes)) else { return };
    let tokenizer = case.tokenizer();
    let ids = tokenizer.encode_bare(&case.text, Specials::Text).expect("every letter is a piece");
    let numbers: Vec<u32> = ids.iter().map(|id| id.0).collect();
    assert_eq!(numbers, case.by_definition(), "{} by {:?}", case.text, case.merges);
    assert_eq!(tokenizer.decode(&ids), case.text);
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    let long = [&[0x24, 0, 1, 8, 2, 9, 8, 10, 10][..], &[0, 1, 2, 0, 1, 0, 1, 2, 2].repeat(20)];
    vec![b"\x03\x00\x01\x08\x02\x01\x00abcabcabcab".to_vec(), long.concat(), vec![0x40, 1, 2, 3]]
}
