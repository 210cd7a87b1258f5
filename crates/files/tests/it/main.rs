//! Reading and writing, tested from outside.

mod limited_read;
mod mapping;
