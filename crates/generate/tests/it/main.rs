//! Sampling, the loop and chat templates, tested from outside.

mod branches;
mod chat;
mod repeat;
mod sample;
mod samplers;
mod turns;
mod world;
