//! The numbers behind the page, asked for as a browser asks.

mod bodies;
mod edited;
mod faults;
mod fixture;
mod interventions;
mod logits;
mod look;
mod models;
mod origin_check;
mod ov;
mod refusals;
mod repeat;
mod sample;
mod shapes;
mod sweep;
mod table;
mod tokens;
mod training;
mod weights;
mod why;
