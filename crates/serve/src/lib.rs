//! HTTP: the page and the numbers behind it, on this machine alone.
//!
//! Knows no arithmetic: what the page shows comes from `lens`, `generate` and `text`; here requests
//! become calls, and results become JSON or safetensors. Read `api` for the routes, `guard` for who
//! may ask, `passes` for how one forward pass serves a whole page.
//!
//! ```no_run
//! use lookback_open::Model;
//! use lookback_serve::{Listener, Served, Server};
//!
//! let model = Model::open("default")?;
//! let server = Server::new(model.pool.clone())?;
//! server.show(Served::new("mine", model)?);
//! let listener = Listener::new("127.0.0.1", [4747])?;
//! println!("{}", listener.url());
//! tokio::runtime::Runtime::new().unwrap().block_on(server.run(listener, std::future::pending()))?;
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

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

pub use models::Served;
pub use server::{Listener, Server};
pub use training::{News, Training};
