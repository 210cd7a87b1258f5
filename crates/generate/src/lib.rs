//! Text from a model: a chain that chooses the next token, the loop that appends it, and templates
//! that make a prompt of a chat. For those who want to see the loop at work, texts that branch and
//! share what they begin with, and one turn at a time.
//!
//! Knows no HTTP and prints nothing. Read [`repeat`] first, then [`sample`].
//!
//! ```
//! use lookback_files::Result;
//! use lookback_generate::{
//!     repeat::{Continuation, Limits, Reader},
//!     sample::{Sampler, Settings},
//!     window::Window,
//! };
//! use lookback_text::TokenId;
//!
//! /// Thinks that the next number comes next.
//! struct Counter([f32; 10]);
//!
//! impl Reader for Counter {
//!     fn keep(&mut self, _tokens: usize) {}
//!
//!     fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
//!         self.0 = [0.0; 10];
//!         self.0[(ids[ids.len() - 1].index() + 1) % 10] = 1.0;
//!         Ok(&self.0)
//!     }
//! }
//!
//! let window = Window::new(8, vec![TokenId(6)], None);
//! let greedy = Sampler::new(&Settings::greedy())?;
//! let text = Continuation::new(Counter([0.0; 10]), window, greedy, Limits::tokens(5))?;
//! let ids = text.map(|id| id.map(|id| id.0)).collect::<Result<Vec<_>>>()?;
//! assert_eq!(ids, [7, 8, 9, 0, 1]);
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

pub mod branches;
pub mod chat;
pub mod repeat;
pub mod sample;
pub mod stop;
pub mod turn;
pub mod window;
