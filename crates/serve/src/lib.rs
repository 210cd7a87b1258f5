//! HTTP: the page and the numbers behind it, on this machine alone.
//!
//! Knows no arithmetic: what the page shows comes from `lens`, `generate` and `text`; here requests
//! become calls, and results become JSON or safetensors. Read `api` for the routes, `guard` for who
//! may ask, `passes` for how one forward pass serves a whole page.

mod api;
mod ask;
mod branches;
mod chain;
mod connections;
mod events;
mod files;
mod guard;
mod models;
mod passes;
mod patience;
mod prompt;
mod refuse;
mod server;
mod state;
mod tables;
mod tensors;
mod training;

pub use models::Open;
pub use server::{Listener, Server};
pub use training::{News, Training};
