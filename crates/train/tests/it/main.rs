//! The run, tested from outside.

mod curve;
mod faults;
mod oracles;
mod recipes;
