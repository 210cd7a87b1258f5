//! From pieces to the bytes they stand for: Hugging Face's decoders.
//!
//! Each decoder changes the list of pieces that the one before made. What is done to each piece for itself
//! is done once for all pieces of a vocabulary; what is done to the text of all of them is left to the code that
//! puts it together. An order of decoders in which a piece's bytes depend on its neighbours in any other way
//! is refused by name.

use lookback_files::{Refusal, Result, excerpt, quoted_excerpt};
use serde_json::Value;

use crate::{
    alphabet,
    budget::{self, Budget},
    field,
    pattern::Pattern,
    split::{Prepend, prepend, sign},
};

/// How the vocabulary spells text.
#[derive(Debug, Default)]
pub(crate) struct Spelling {
    /// What is done to each piece, in order.
    steps: Vec<Step>,
    /// What is taken away from the text of all pieces, in order.
    strips: Vec<Strip>,
    /// Whether a space stands between any two pieces, as where a file names no decoder.
    separates: bool,
    /// How far pieces are still for themselves while the file is read.
    state: State,
}

/// What pieces are after the decoders so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Pieces,
    /// Bytes that stood beside each other became one piece.
    Bytes,
    /// All are one text.
    Fused,
    /// All are one text, in which a piece may be a part of a character.
    FusedBytes,
}

#[derive(Debug)]
enum Step {
    /// A piece in the alphabet of bytes is its bytes.
    Letters,
    /// `<0x..>` is a byte.
    ByteFallback,
    Replace {
        pattern: Pattern,
        content: String,
    },
    Strip(Strip),
    /// The sign of a space; in the piece that begins a text it may be nothing.
    Metaspace {
        sign: char,
        begins_with_none: bool,
    },
}

/// Characters that are taken away at the ends, where they are what is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strip {
    pub(crate) content: char,
    /// At most so many from the beginning.
    pub(crate) start: usize,
    /// At most so many from the end.
    pub(crate) stop: usize,
}

/// A piece on its way.
enum Piece {
    Text(String),
    Bytes(Vec<u8>),
}

impl Spelling {
    /// Reads a `decoder` object.
    pub(crate) fn read(value: &Value) -> Result<Self> {
        let mut spelling = Self { separates: value.is_null(), ..Self::default() };
        spelling.add(value)?;
        Ok(spelling)
    }

    fn add(&mut self, value: &Value) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        let kind = field::text(value, "type", "a decoder")?;
        match kind {
            "Sequence" => {
                for one in field::list(value, "decoders", "a decoder")? {
                    self.add(one)?;
                }
            }
            "ByteLevel" if self.state == State::Pieces => {
                self.steps.push(Step::Letters);
                self.state = State::FusedBytes;
            }
            "ByteFallback" if self.state == State::Pieces => {
                self.steps.push(Step::ByteFallback);
                self.state = State::Bytes;
            }
            "Fuse" if self.state == State::FusedBytes => {}
            "Fuse" => self.state = State::Fused,
            "Replace" => {
                let pattern = Pattern::read(&value["pattern"])?;
                let content = field::text(value, "content", "the decoder Replace")?.to_owned();
                self.may_replace(kind, single(&pattern))?;
                self.steps.push(Step::Replace { pattern, content });
            }
            "Metaspace" => self.add_metaspace(kind, value)?,
            "Strip" => {
                let strip = Strip::read(value)?;
                match self.state {
                    State::Pieces => self.steps.push(Step::Strip(strip)),
                    State::Bytes => return Err(self.refused(kind)),
                    State::Fused | State::FusedBytes => self.strips.push(strip),
                }
            }
            "ByteLevel" | "ByteFallback" => return Err(self.refused(kind)),
            other => {
                return Err(Refusal::unsupported(format!(
                    "the decoder {} is not understood, and would change the text",
                    excerpt(other)
                )));
            }
        }
        let is_regex =
            |step: &&Step| matches!(step, Step::Replace { pattern, .. } if pattern.is_searched());
        let patterns = self.steps.iter().filter(is_regex).count();
        budget::check(patterns, budget::PATTERNS, "patterns in its decoder")?;
        budget::check(self.steps.len(), budget::STEPS, "replacements in its decoder")?;
        budget::check(self.strips.len(), budget::STRIPS, "Strip in its decoder")
    }

    fn add_metaspace(&mut self, kind: &str, value: &Value) -> Result<()> {
        let sign = sign(value)?;
        let begins_with_none = matches!(prepend(value)?, Prepend::Always | Prepend::First);
        let sign = sign.chars().next().unwrap_or('▁');
        self.may_replace(kind, Some(sign))?;
        self.steps.push(match self.state {
            State::Pieces | State::Bytes => Step::Metaspace { sign, begins_with_none },
            // A text in one piece is all of it the piece that begins it.
            State::Fused | State::FusedBytes => Step::Replace {
                pattern: Pattern::Text(sign.to_string()),
                content: if begins_with_none { "" } else { " " }.to_owned(),
            },
        });
        Ok(())
    }

    /// Refuses what cannot be done to each piece for itself. What was one piece for each byte has the bytes
    /// of a character in several, so that only replacing one character is the same in pieces; a character of
    /// several bytes that a fallback spells is left as it is.
    fn may_replace(&self, kind: &str, sought: Option<char>) -> Result<()> {
        let may = match self.state {
            State::Pieces => true,
            State::Bytes => sought.is_some(),
            State::Fused => sought.is_some() && self.strips.is_empty(),
            State::FusedBytes => {
                sought.is_some_and(|sign| sign.is_ascii()) && self.strips.is_empty()
            }
        };
        if may { Ok(()) } else { Err(self.refused(kind)) }
    }

    fn refused(&self, kind: &str) -> Refusal {
        let before = match self.state {
            State::Pieces | State::Bytes => "ByteFallback",
            State::Fused => "Fuse",
            State::FusedBytes => "ByteLevel",
        };
        Refusal::unsupported(format!(
            "the decoder {kind} after {before} is not understood, and would change the text"
        ))
    }

    /// Steps that a piece goes through.
    pub(crate) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// What is taken away from the text of all pieces, in order.
    pub(crate) fn strips(&self) -> &[Strip] {
        &self.strips
    }

    /// Whether a space stands between any two pieces.
    pub(crate) fn separates(&self) -> bool {
        self.separates
    }

    /// Whether the piece that begins a text stands for other bytes there.
    pub(crate) fn depends_on_place(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Metaspace { begins_with_none: true, .. }))
    }

    /// The bytes of a piece, as far as the budget of all pieces goes. `begins`: it begins a text.
    pub(crate) fn bytes(&self, piece: &str, begins: bool, budget: &Budget) -> Result<Vec<u8>> {
        self.spelled(piece, begins, false, budget)
    }

    /// The bytes of an added token, whose letters stand for themselves and not for bytes.
    pub(crate) fn bytes_of_added(
        &self,
        content: &str,
        begins: bool,
        budget: &Budget,
    ) -> Result<Vec<u8>> {
        self.spelled(content, begins, true, budget)
    }

    fn spelled(
        &self,
        piece: &str,
        begins: bool,
        is_added: bool,
        budget: &Budget,
    ) -> Result<Vec<u8>> {
        let mut piece = Piece::Text(piece.to_owned());
        for step in &self.steps {
            piece = step.done(piece, begins, is_added, budget)?;
        }
        Ok(match piece {
            Piece::Text(text) => text.into_bytes(),
            Piece::Bytes(bytes) => bytes,
        })
    }
}

impl Step {
    fn done(&self, piece: Piece, begins: bool, is_added: bool, budget: &Budget) -> Result<Piece> {
        let text = match piece {
            Piece::Text(text) => text,
            Piece::Bytes(bytes) => return Ok(Piece::Bytes(self.done_to_bytes(bytes, begins))),
        };
        Ok(match self {
            Self::Letters if is_added => Piece::Text(text),
            Self::Letters => match alphabet::bytes(&text) {
                Some(bytes) => Piece::Bytes(bytes),
                None => Piece::Text(text),
            },
            Self::ByteFallback => match fallback(&text) {
                Some(byte) => Piece::Bytes(vec![byte]),
                None => Piece::Text(text),
            },
            Self::Replace { pattern, content } => {
                let mut replaced = String::with_capacity(text.len());
                let mut is_new = false;
                pattern.spans(&text, budget, &mut |span, matches| {
                    is_new |= matches;
                    let part = if matches { content } else { &text[span] };
                    budget.take(part.len(), &|| "decoder (Replace)".to_owned())?;
                    replaced.push_str(part);
                    Ok(())
                })?;
                Piece::Text(if is_new { replaced } else { text })
            }
            Self::Strip(strip) => Piece::Text(strip.stripped(&text).to_owned()),
            Self::Metaspace { sign, begins_with_none } => {
                Piece::Text(text.replace(*sign, space(begins && *begins_with_none)))
            }
        })
    }

    /// Bytes are parts of characters, of which only those that are one byte are known.
    fn done_to_bytes(&self, bytes: Vec<u8>, begins: bool) -> Vec<u8> {
        let (sought, content) = match self {
            Self::Replace { pattern, content } => (single(pattern), content.as_str()),
            Self::Metaspace { sign, begins_with_none } => {
                (Some(*sign), space(begins && *begins_with_none))
            }
            Self::Letters | Self::ByteFallback | Self::Strip(_) => return bytes,
        };
        let Some(sought) = sought.and_then(|sought| u8::try_from(sought).ok()) else {
            return bytes;
        };
        let replaced = bytes.iter().flat_map(|byte| match *byte == sought && sought.is_ascii() {
            true => content.as_bytes(),
            false => std::slice::from_ref(byte),
        });
        replaced.copied().collect()
    }
}

fn space(is_none: bool) -> &'static str {
    if is_none { "" } else { " " }
}

/// The one character that a pattern is.
fn single(pattern: &Pattern) -> Option<char> {
    let Pattern::Text(text) = pattern else { return None };
    let mut signs = text.chars();
    signs.next().filter(|_| signs.next().is_none())
}

fn fallback(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() == 2 { u8::from_str_radix(digits, 16).ok() } else { None }
}

impl Strip {
    fn read(value: &Value) -> Result<Self> {
        let content = field::text(value, "content", "the decoder Strip")?;
        let mut signs = content.chars();
        let (Some(sign), None) = (signs.next(), signs.next()) else {
            let content = quoted_excerpt(content);
            return Err(Refusal::user(format!(
                "the content {content} of the decoder Strip is not one character"
            )));
        };
        let count = |key: &str| match &value[key] {
            Value::Null => Ok(0),
            count => count
                .as_u64()
                .map(|count| usize::try_from(count).unwrap_or(usize::MAX))
                .ok_or_else(|| {
                    let count = excerpt(&count.to_string());
                    Refusal::user(format!(
                        "`{key}` of the decoder Strip is {count}, which is no count"
                    ))
                }),
        };
        Ok(Self { content: sign, start: count("start")?, stop: count("stop")? })
    }

    /// A piece without what it takes away at both ends.
    fn stripped(self, piece: &str) -> &str {
        let mut rest = piece;
        for _ in 0..self.start {
            match rest.strip_prefix(self.content) {
                Some(less) => rest = less,
                None => break,
            }
        }
        for _ in 0..self.stop {
            match rest.strip_suffix(self.content) {
                Some(less) => rest = less,
                None => break,
            }
        }
        rest
    }
}
