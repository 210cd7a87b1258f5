//! The numbers behind the page, asked for as a browser asks.

mod bodies;
mod exchange;
mod faults;
mod guard;
mod logits;
mod look;
mod models;
mod refusals;
mod repeat;
mod sample;
mod table;
mod tokens;
mod training;
mod world;
