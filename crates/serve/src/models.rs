//! The models that the page can choose from. One in training is replaced by newer snapshots; a request
//! keeps the one that it began with.

use std::{
    fs,
    ops::Deref,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use lookback_engine::Weights;
use lookback_files::{Refusal, quoted_excerpt};
use lookback_model::{
    BlockOrder, Config, NormKind, NormPlacement, Positions, QueryKeyNorm, TokenId,
    config::activation_name,
};
use lookback_open::Model;
use lookback_text::Tokenizer;
use serde_json::{Value, json};

use crate::error_response::{ErrorResponse, Result};

/// A model as the page knows it.
#[derive(Debug)]
pub struct ServedModel {
    /// What it is called on the page.
    pub name: String,
    model: Model,
    /// Its tokenizer: a model without one has no page.
    pub tokenizer: Arc<Tokenizer>,
    /// What ends a text.
    pub eos: Vec<TokenId>,
    /// Steps learned so far, of how many; of a model in training.
    pub step: Option<(u64, u64)>,
    /// Tokens that are read at once, once it was asked for.
    positions: OnceLock<usize>,
}

impl Deref for ServedModel {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

impl ServedModel {
    /// A model under a name.
    ///
    /// # Errors
    /// When it cannot read a text.
    pub fn new(name: &str, model: Model) -> lookback_files::Result<Self> {
        let tokenizer = model.tokenizer().cloned().map_err(|_| {
            Refusal::user(format!(
                "{}: there is no tokenizer.json in it, so the page could show no text of it; put the \
                 tokenizer beside the weights",
                model.path.display()
            ))
        })?;
        let (name, eos) = (name.to_owned(), model.eos());
        Ok(Self { name, model, tokenizer, eos, step: None, positions: OnceLock::new() })
    }

    /// The same model with other weights, as training makes them: after a step, of so many.
    #[must_use]
    pub fn at_step(&self, weights: impl Into<Arc<Weights>>, step: (u64, u64)) -> Self {
        Self {
            name: self.name.clone(),
            model: self.model.with_weights(weights),
            tokenizer: self.tokenizer.clone(),
            eos: self.eos.clone(),
            step: Some(step),
            positions: OnceLock::new(),
        }
    }

    /// Whether it was trained to chat. One that has several templates and no default chats on the command
    /// line, by a template's name.
    pub(crate) fn has_chat_template(&self) -> bool {
        self.chat_templates().choose(None).is_ok()
    }

    /// Tokens of a text that are read at once; none before they were planned.
    pub(crate) fn positions(&self) -> Option<usize> {
        self.positions.get().copied()
    }

    /// Plans how many tokens are read at once, the first time. A plan stays, so that a text is read
    /// through the same windows in each request.
    pub(crate) fn plan_positions(&self, plan: impl FnOnce() -> usize) {
        self.positions.get_or_init(plan);
    }

    /// Steps after which training kept an embedding table, in order.
    pub(crate) fn snapshots(&self) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(self.path.join("snapshots")) else { return Vec::new() };
        let step = |entry: fs::DirEntry| {
            entry.file_name().to_str()?.strip_suffix(".safetensors")?.parse().ok()
        };
        let mut steps: Vec<u64> = entries.filter_map(|entry| step(entry.ok()?)).collect();
        steps.sort_unstable();
        steps
    }

    /// What the page is told of it.
    fn description(&self) -> Value {
        let config = self.config();
        let network = self.weights.network();
        json!({
            "name": self.name,
            "path": self.path.display().to_string(),
            "family": config.family.model_type,
            "parameters": network.parameters(),
            "bytes": self.weights.bytes_held(),
            "file_bytes": self.file_bytes,
            "precision": self.weights.precision().name(),
            "layers": config.layers,
            "heads": config.heads,
            "key_heads": config.key_heads,
            "head_dim": config.head_dim,
            "width": config.width,
            "hidden": config.hidden,
            "vocabulary": config.vocabulary,
            "context": config.context,
            "activation": activation_name(config.activation),
            "gated": config.gated,
            "norm": match config.norm { NormKind::Layer => "layer", NormKind::Rms => "rms" },
            "epsilon": config.epsilon,
            "scale": config.scale,
            "positions": match &config.positions {
                Positions::Learned => "learned",
                Positions::Rotary(_) => "rotary",
                Positions::Alibi { .. } => "alibi",
                Positions::None => "none",
            },
            "theta": rotary(config).map(|(theta, _)| theta),
            "rotary_dim": rotary(config).map(|(_, dim)| dim),
            "tied": config.tied,
            "window": config.window,
            "block": block_description(config),
            "chat": self.has_chat_template(),
            "beginning": self.bos().map(|id| id.0),
            "snapshots": self.snapshots(),
            "step": self.step.map(|(step, _)| step),
            "steps": self.step.map(|(_, steps)| steps),
            "compute": self.weights.compute().name(),
        })
    }
}

/// How its blocks differ from those of other families.
fn block_description(config: &Config) -> Value {
    json!({
        "order": match config.block_order {
            BlockOrder::Sequential => "sequential",
            BlockOrder::Parallel => "parallel",
            BlockOrder::ParallelSharedNorm => "parallel_shared_norm",
        },
        "norms": match config.norm_placement {
            NormPlacement::Before => "before",
            NormPlacement::After => "after",
            NormPlacement::Both => "both",
            NormPlacement::Stream => "stream",
        },
        "query_key_norm": config.query_key_norm.map(|norm| match norm {
            QueryKeyNorm::Heads | QueryKeyNorm::EachHead => "heads",
            QueryKeyNorm::Rows => "rows",
        }),
        "rotary": layers(config, |layer| config.rotary(layer).is_some()),
        "windows": layers(config, |layer| config.layer_window(layer)),
        "experts": layers(config, |layer| config.layer_mixture(layer).map(|mixture| {
            json!({ "experts": mixture.experts, "chosen": mixture.chosen, "hidden": mixture.hidden })
        })),
        "sinks": config.attention_sinks,
        "score_cap": config.score_cap,
        "logit_cap": config.logit_cap,
        "embedding_norm": config.embedding_norm,
        "head_bias": config.head_bias,
        "embedding_factor": config.embedding_factor,
        "residual_factor": config.residual_factor,
        "logit_factor": config.logit_factor,
    })
}

/// What each layer has.
fn layers<T>(config: &Config, of: impl Fn(usize) -> T) -> Vec<T> {
    (0..config.layers).map(of).collect()
}

fn rotary(config: &Config) -> Option<(f32, usize)> {
    match &config.positions {
        Positions::Rotary(rotary) => Some((rotary.theta, rotary.rotary_dim)),
        Positions::Learned | Positions::Alibi { .. } | Positions::None => None,
    }
}

/// The models by name, in the order in which they were given.
#[derive(Debug, Default)]
pub(crate) struct Models(RwLock<Vec<Arc<ServedModel>>>);

impl Models {
    /// Adds a model, or lets it take the place of the one of its name.
    pub(crate) fn put(&self, model: ServedModel) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match all.iter_mut().find(|there| there.name == model.name) {
            Some(place) => *place = Arc::new(model),
            None => all.push(Arc::new(model)),
        }
    }

    /// All, as they stand.
    pub(crate) fn all(&self) -> Vec<Arc<ServedModel>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The model of a name; the first where none is given.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Arc<ServedModel>> {
        let all = self.all();
        let found = match name {
            None => all.first(),
            Some(name) => all.iter().find(|model| model.name == name),
        };
        found.cloned().ok_or_else(|| match name {
            Some(name) => {
                ErrorResponse::not_found(format!("there is no model {} here", quoted_excerpt(name)))
            }
            None => {
                ErrorResponse::not_found("there is no model here yet; it is about to be trained")
            }
        })
    }

    /// What the page is told of them.
    pub(crate) fn description(&self) -> Vec<Value> {
        self.all().iter().map(|model| model.description()).collect()
    }
}
