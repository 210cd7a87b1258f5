//! Text from a model: a chain that chooses the next token, the loop that appends it, and templates
//! that make a prompt of a chat. Two modules show the loop at work: sequences that share a prefix in
//! the cache, and single steps of decoding.
//!
//! Knows no HTTP and prints nothing. Read [`repeat`] first, then [`sample`].
//!
//! ```
//! use lookback_files::Result;
//! use lookback_generate::{
//!     repeat::{Continuation, LanguageModel, GenerationLimits},
//!     sample::{SamplerChain, Settings},
//!     context_window::ContextWindow,
//! };
//! use lookback_text::TokenId;
//!
//! /// Predicts the number after the last one.
//! struct Counter([f32; 10]);
//!
//! impl LanguageModel for Counter {
//!     fn truncate(&mut self, _tokens: usize) {}
//!
//!     fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
//!         self.0 = [0.0; 10];
//!         self.0[(ids[ids.len() - 1].index() + 1) % 10] = 1.0;
//!         Ok(&self.0)
//!     }
//! }
//!
//! let window = ContextWindow::new(8, vec![TokenId(6)], None);
//! let greedy = SamplerChain::new(&Settings::greedy())?;
//! let text = Continuation::new(Counter([0.0; 10]), window, greedy, GenerationLimits::new(5))?;
//! let ids = text.map(|id| id.map(|id| id.0)).collect::<Result<Vec<_>>>()?;
//! assert_eq!(ids, [7, 8, 9, 0, 1]);
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

pub mod chat;
pub mod context_window;
pub mod decode_step;
pub mod prefix_cache;
pub mod repeat;
pub mod sample;
pub mod stop_sequences;
