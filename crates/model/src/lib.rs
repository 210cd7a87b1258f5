//! What is computed: configuration, file formats, the block, the one forward pass.
//!
//! Computes nothing itself and never sees a text. `config` says what a transformer is, `families` whose
//! files say it how, `network` lists its weights and blocks, `forward` records them as a `Program`, `files`
//! reads and writes them. The interpreters of a program stand in the engine.
//!
//! ```
//! use lookback_model::{Config, Network, Site, Size, forward};
//!
//! let size = Size { vocabulary: 11, width: 8, layers: 2, heads: 2, key_heads: 1, hidden: 12, context: 16 };
//! let network = Network::new(&Config::llama(size)?);
//! let program = forward::logits(&network, forward::Rows::All);
//! let logits = program.at(Site::Logits).unwrap();
//! assert_eq!(program.value(logits).width, 11);
//! // What one block leaves is what the next one reads: one value with two names.
//! let left = "blocks.0.resid_post".parse::<Site>().unwrap();
//! assert_eq!(program.at(left), program.at("blocks.1.resid_pre".parse().unwrap()));
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

mod attention_edit;
mod batch;
pub mod config;
mod edit;
mod edits;
pub mod families;
pub mod files;
pub mod forward;
mod freeze;
mod loss;
mod network;
mod program;
mod sequence_edits;
mod sites;
mod variant;

pub use batch::{Batch, Segment, SequenceId, Targets};
pub use config::{
    Activation, BlockOrder, Config, ExpertWeighting, Family, LongRope, MixtureConfig, NormKind,
    NormPlacement, Positions, QueryKeyNorm, RopeScaling, RotaryConfig, Size, Yarn,
};
pub use edit::{Change, Edit};
pub use edits::{Edits, PassEdit};
pub use families::FAMILIES;
pub use files::{
    ChatTemplates, GgufTokenizer, GgufType, SamplingDefault, StoredModel, StoredTokenizer,
    TensorWritten, save, save_as,
};
pub use lookback_kernels::{
    attend::{
        Alibi,
        edits::{AttentionChange, AttentionEdit, ElementChange},
    },
    naive::{experts::Routing, steer::Steering, stored::StorageType},
    quantize::quantize,
};
pub use lookback_text::TokenId;
pub use loss::Loss;
pub use network::{
    Attend, Block, FeedForward, Head, Linear, Mixture, Mlp, Network, Norm, Rotary, WeightId,
    WeightKind, WeightSpec,
};
pub use program::{
    ElementType, ExpertLinears, Op, OutputProjection, Program, RowKind, Step, Value, ValueId,
};
pub use sequence_edits::{BoundEdits, SequencePrograms};
pub use sites::{BlockSite, Site, unhooked};
pub use variant::PassVariant;
