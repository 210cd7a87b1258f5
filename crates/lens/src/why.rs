//! Why a token was chosen: its logit, or the difference of two, as the exact sum of what wrote into the
//! stream, and opened further, from head to head back to tokens.
//!
//! The last norm and the norms behind blocks are held as they were at the token (see `frozen_norm`, `post_norm`).
//! Each part is a product in f64 of what the engine computed; parts are added in f64 in the order of writing.
//! They meet the engine's logit up to the rounding of its f32, which is returned.
//! A cap of the logits stands behind the sum, with its factor. Read `logit_sum`, then `unfolding`.

mod ablated_passes;
mod component;
mod faithfulness;
mod frozen_pass;
mod graph;
mod graph_svg;
mod known_pass;
mod logit_sum;
mod matrix_cache;
mod options;
mod paths;
mod pattern_rows;
mod unfolding;
mod writes;

pub use component::Component;
pub use faithfulness::{FaithfulnessPoint, faithfulness, faithfulness_sites};
pub use graph::{LogitEdge, LogitGraph};
pub(crate) use graph_svg::escaped;
pub use graph_svg::graph_svg;
pub use logit_sum::{LogitCap, MlpNeurons, NeuronPart, Why, WhyPart, why, why_sites};
pub use matrix_cache::MatrixCache;
pub use options::{UnfoldOptions, WhyOptions};
pub use paths::{LogitPath, PathStep, paths};
pub use unfolding::{UnfoldedPart, Unfolding};
pub(crate) use writes::product;
