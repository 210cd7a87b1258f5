//! What is asked of a logit, and how far its parts are opened.

use lookback_model::TokenId;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WhyOptions {
    /// After which token of the prompt.
    pub position: usize,
    /// The next token whose logit it is.
    pub target: TokenId,
    /// A next token whose logit is taken off.
    pub against: Option<TokenId>,
    /// How many neurons of each MLP are named.
    pub neurons: usize,
    /// How far the parts are opened, if they are.
    pub unfold: Option<UnfoldOptions>,
}

/// How far to open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnfoldOptions {
    /// Until parts with nothing to open make up this share, between 0 and 1.
    pub share: f64,
    /// But at most so many times.
    pub max_openings: usize,
    /// Whether MLPs are opened too, each by its tangent at the token.
    pub through_mlps: bool,
}

impl Default for UnfoldOptions {
    fn default() -> Self {
        Self { share: 0.8, max_openings: 1000, through_mlps: true }
    }
}
