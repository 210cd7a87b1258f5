//! What is computed: configuration, file formats, the block, the one forward pass.

pub mod config;
mod network;

pub use config::{Activation, Config, Family, NormKind, Positions, RotaryConfig, Size};
pub use network::*;
