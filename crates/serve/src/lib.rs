//! HTTP: the page and the numbers behind it, on this machine alone.
//!
//! Knows no arithmetic: what the page shows comes from `lens`, `generate` and `text`; here requests
//! become calls, and results become JSON or safetensors. Read `api` for the routes, `origin_check` for who
//! may ask, `pass_cache` for how one forward pass serves a whole page.
//!
//! ```no_run
//! use lookback_open::Model;
//! use lookback_serve::{Listener, ServedModel, Server};
//!
//! let model = Model::open("default")?;
//! let server = Server::new(model.pool.clone())?;
//! server.put_model(ServedModel::new("mine", model)?);
//! let listener = Listener::new("127.0.0.1", [4747])?;
//! println!("{}", listener.url());
//! tokio::runtime::Runtime::new().unwrap().block_on(server.run(listener, std::future::pending()))?;
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

mod answers_of_weights;
mod api;
mod connections;
mod edits;
mod embedding_tables;
mod error_response;
mod events;
mod files;
mod json_request;
mod matrix_caches;
mod models;
mod origin_check;
mod pass_cache;
mod prefix_caches;
mod prompt;
mod sampling_parameters;
mod server;
mod state;
mod tensors;
mod training;
mod write_timeout;

pub use models::ServedModel;
pub use server::{Listener, Server};
pub use training::{ProgressEvent, Training};
