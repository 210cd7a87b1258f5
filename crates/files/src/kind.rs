//! What went wrong, for a program that must decide what to do: the sentence beside it is for a person.

use std::fmt;

/// The kind of mistake behind a [`Refusal`](crate::Refusal). Kinds may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// What was given cannot be used, for a reason that has no kind of its own.
    InvalidInput,
    /// A setting has a value that is not possible, or a name that no setting has.
    InvalidSetting,
    /// There is no such file, directory or model.
    NotFound,
    /// A file is cut, damaged, or not of the form that it should have.
    CorruptFile,
    /// A model of a family that is not understood.
    UnsupportedArchitecture,
    /// A model or a tokenizer of a family that is understood, with a part that is not.
    UnsupportedFeature,
    /// A token id that the model's vocabulary does not have.
    TokenOutOfRange,
    /// More tokens than the model's context, or a text that is shorter than one.
    ContextLength,
    /// The cache of keys and values has no page left.
    CacheFull,
    /// There is not as much memory as would be needed.
    OutOfMemory,
    /// A file, or another part of the machine, could not be read or written.
    Io,
    /// The request comes from where requests are not allowed.
    Forbidden,
    /// Stopped by the user.
    Interrupted,
    /// A mistake of the program.
    Internal,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::InvalidInput,
        Self::InvalidSetting,
        Self::NotFound,
        Self::CorruptFile,
        Self::UnsupportedArchitecture,
        Self::UnsupportedFeature,
        Self::TokenOutOfRange,
        Self::ContextLength,
        Self::CacheFull,
        Self::OutOfMemory,
        Self::Io,
        Self::Forbidden,
        Self::Interrupted,
        Self::Internal,
    ];

    /// As JSON has it, such as `cache_full`. A name never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::InvalidSetting => "invalid_setting",
            Self::NotFound => "not_found",
            Self::CorruptFile => "corrupt_file",
            Self::UnsupportedArchitecture => "unsupported_architecture",
            Self::UnsupportedFeature => "unsupported_feature",
            Self::TokenOutOfRange => "token_out_of_range",
            Self::ContextLength => "context_length",
            Self::CacheFull => "cache_full",
            Self::OutOfMemory => "out_of_memory",
            Self::Io => "io",
            Self::Forbidden => "forbidden",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal",
        }
    }

    /// The kind in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::InvalidInput => {
                "what was given cannot be used, for a reason that has no kind of its own"
            }
            Self::InvalidSetting => {
                "a setting has a value that is not possible, or a name that no setting has"
            }
            Self::NotFound => "there is no such file, directory or model",
            Self::CorruptFile => "a file is cut, damaged, or not of the form that it should have",
            Self::UnsupportedArchitecture => "a model of a family that is not understood",
            Self::UnsupportedFeature => {
                "a model or a tokenizer of a family that is understood, with a part that is not"
            }
            Self::TokenOutOfRange => "a token id that the model's vocabulary does not have",
            Self::ContextLength => {
                "more tokens than the model's context, or a text that is shorter than one"
            }
            Self::CacheFull => "the cache of keys and values has no page left",
            Self::OutOfMemory => "there is not as much memory as would be needed",
            Self::Io => "a file, or another part of the machine, could not be read or written",
            Self::Forbidden => "a request from where requests are not allowed",
            Self::Interrupted => "stopped by the user",
            Self::Internal => "a mistake of the program",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
