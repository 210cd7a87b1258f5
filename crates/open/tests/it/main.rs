//! Models as Rust programs open them.

mod goldens;
