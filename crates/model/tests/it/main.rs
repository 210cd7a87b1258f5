//! What is computed, tested from outside. `hostile` is a program of its own: it watches requests for memory.

mod config;
mod directory;
mod fixture;
mod gguf;
mod goldens;
mod mixtures;
mod oracles;
mod reported;
mod rope;
