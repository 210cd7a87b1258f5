//! Sampling, the loop and chat templates, tested from outside.

mod chat;
mod fixture;
mod forged_messages;
mod prefix_cache;
mod repeat;
mod sample;
mod samplers;
