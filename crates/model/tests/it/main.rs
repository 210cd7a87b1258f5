//! What is computed, tested from outside. `hostile` is a program of its own: it watches requests for memory.

mod config;
mod directory;
mod fixture;
mod gguf;
mod gguf_files;
mod gguf_variants;
mod goldens;
mod mixtures;
mod oracles;
mod reported;
mod reported_keys;
mod rope;
mod shards;
mod split_gguf;
