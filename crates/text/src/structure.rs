//! Whether what a text spells is a special token or text: in a chat, that depends on who wrote it.

use std::ops::Range;

/// Whether special tokens written out in a text are tokens or text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specials {
    /// `<|im_end|>` in the text is that token. For prompts that a template wrote.
    Allowed,
    /// It is plain text. For what people typed.
    Text,
}

/// What the spelling of a special token is, where it stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelled {
    /// The token.
    Token,
    /// Text, all of it.
    Text,
    /// Text in part: a token that it ends with or begins with may still be one.
    PartlyText,
}

/// Where special tokens that a text spells are tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Structure<'a> {
    Everywhere,
    Nowhere,
    /// Where no byte of them is a message's. `message_bytes`: ranges of a chat, in ascending order; the text begins at
    /// its byte `from`.
    Outside {
        message_bytes: &'a [Range<usize>],
        from: usize,
    },
}

impl From<Specials> for Structure<'_> {
    fn from(specials: Specials) -> Self {
        match specials {
            Specials::Allowed => Self::Everywhere,
            Specials::Text => Self::Nowhere,
        }
    }
}

impl Structure<'_> {
    /// Whether the text stands within a chat, and not at its beginning.
    pub(crate) fn is_inside(self) -> bool {
        matches!(self, Self::Outside { from: 1.., .. })
    }

    /// Whether the text may have bytes of messages.
    pub(crate) fn has_messages(self) -> bool {
        matches!(self, Self::Outside { message_bytes: [_, ..], .. })
    }

    /// What the spelling of a special token at these bytes is.
    pub(crate) fn classify(self, mut span: Range<usize>) -> Spelled {
        let message_bytes = match self {
            Self::Everywhere => return Spelled::Token,
            Self::Nowhere => return Spelled::Text,
            Self::Outside { message_bytes, from } => {
                span = span.start + from..span.end + from;
                message_bytes
            }
        };
        let first = message_bytes.partition_point(|range| range.end <= span.start);
        let here = message_bytes[first..].iter().take_while(|range| range.start < span.end);
        let bytes = |range: &Range<usize>| range.end.min(span.end) - range.start.max(span.start);
        match here.map(bytes).sum::<usize>() {
            0 => Spelled::Token,
            bytes if bytes == span.len() => Spelled::Text,
            _ => Spelled::PartlyText,
        }
    }
}
