//! The front door for Rust users: the crates of lookback under one name, and no HTTP.
//!
//! A model is found with [`open::find`], its tokenizer read with [`tokenizer::of`]; what can be done with it stands in the modules below.

pub mod open;
mod suggested;
pub mod tokenizer;
mod unfinished;

pub use lookback_engine as engine;
pub use lookback_files as files;
pub use lookback_generate as generate;
pub use lookback_lens as lens;
pub use lookback_model as model;
pub use lookback_text as text;
pub use lookback_train as train;
