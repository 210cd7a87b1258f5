//! Interventions: what a person writes of a change, `blocks.3.attn.z[:, 1] = 0`, and the edits of a program
//! that it stands for.
//!
//! `operation` has what can be written, `text` and `json` its two forms, `selection` which rows and columns
//! are chosen, `constants` what comes from passes of its own, which `prompt_passes` keeps, `resolve` makes edits of all that, and `attention`
//! those of scores and patterns. What an edit does in a pass, only the engine knows.
//! `docs/interventions.md` has the grammar.

mod attention;
mod columns;
mod constants;
mod files;
mod json;
mod operation;
mod parser;
mod prompt_passes;
mod resolve;
mod selection;
mod short_forms;
mod text;
mod vector_files;

pub use files::{InterventionFiles, LocalFiles, NoFiles};
pub use operation::{
    Bounded, Intervention, Limited, Operation, OtherPrompt, Scaled, Source, Vector,
};
pub use prompt_passes::PromptPasses;
pub use resolve::{EditTokens, Resolver};
pub use selection::{Axis, Index, Selection};
pub use short_forms::{off, steer};
