//! The parameters of samplers, described for sliders, the API and the arguments. All of them stand in
//! `parameters/table`.

mod table;

use serde::Serialize;

pub use table::SAMPLER_PARAMETERS;

/// A parameter of a sampler, and the range in which it is worth trying.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SamplerParameter {
    /// As it is spelled in settings, such as `top_k`.
    pub name: &'static str,
    /// The sampler that takes it: the name of a [`SamplerKind`](super::SamplerKind), or `mirostat`.
    pub sampler: &'static str,
    /// As people say it.
    pub title: &'static str,
    /// What it does, in a sentence or two.
    pub about: &'static str,
    /// The smallest value worth trying.
    #[serde(rename = "least")]
    pub min: f64,
    /// The largest value worth trying; larger ones may be valid.
    #[serde(rename = "most")]
    pub max: f64,
    /// The step of a slider.
    #[serde(rename = "notch")]
    pub step: f64,
    /// The value that changes nothing, or, where another number switches the sampler, its default.
    pub neutral: f64,
    /// The default of `lookback generate`.
    pub default: f64,
    /// Whether most people need no other.
    pub is_main: bool,
    /// The values that are possible.
    #[serde(skip)]
    pub possible: [f64; 2],
    /// The same in words.
    #[serde(skip)]
    pub range: &'static str,
    /// Whether it counts something.
    #[serde(skip)]
    pub is_whole: bool,
}
