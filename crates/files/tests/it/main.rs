//! Reading and writing, tested from outside.

mod bounded;
mod mapping;
