//! The models that the page can choose from. One in training is replaced by newer snapshots; whoever
//! reads holds on to the one that it began with.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use lookback_engine::Weights;
use lookback_files::quoted;
use lookback_model::{Config, NormKind, Positions, TokenId, config::activation_name};
use lookback_text::Tokenizer;
use serde_json::{Value, json};

use crate::refuse::{Refused, Result};

/// A model with all that is needed to read a text with it; it never changes.
#[derive(Debug)]
pub struct Open {
    /// What it is called on the page.
    pub name: String,
    /// Where it stands, or will stand once it is trained.
    pub path: PathBuf,
    /// Its weights.
    pub weights: Arc<Weights>,
    /// Bytes of the files that the weights were read from, if they were.
    pub file_bytes: Option<usize>,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Its chat template, if it has one.
    pub chat_template: Option<String>,
    /// What texts begin with.
    pub beginning: Option<TokenId>,
    /// What ends a text.
    pub ends: Vec<TokenId>,
    /// Steps learned so far, of how many; of a model in training.
    pub step: Option<(u64, u64)>,
    /// Tells one set of weights from another, also of the same name.
    serial: Serial,
    /// Tokens that are read at once, once it was asked for.
    positions: OnceLock<usize>,
}

/// A number that is given once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Serial(u64);

impl Serial {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Open {
    /// A model that is not in training, without a chat template or tokens that begin or end a text.
    pub fn new(name: &str, path: &Path, weights: Arc<Weights>, tokenizer: Tokenizer) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            weights,
            file_bytes: None,
            tokenizer,
            chat_template: None,
            beginning: None,
            ends: Vec::new(),
            step: None,
            serial: Serial::next(),
            positions: OnceLock::new(),
        }
    }

    /// The same model with other weights, as training makes them.
    pub fn learned(&self, weights: Arc<Weights>, step: Option<(u64, u64)>) -> Self {
        Self {
            name: self.name.clone(),
            path: self.path.clone(),
            weights,
            // Those of the file are no longer these.
            file_bytes: None,
            tokenizer: self.tokenizer.clone(),
            chat_template: self.chat_template.clone(),
            beginning: self.beginning,
            ends: self.ends.clone(),
            step,
            serial: Serial::next(),
            positions: OnceLock::new(),
        }
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.weights.network().config
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

    pub(crate) fn serial(&self) -> Serial {
        self.serial
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
    fn described(&self) -> Value {
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
            "positions": match config.positions {
                Positions::Learned => "learned",
                Positions::Rotary(_) => "rotary",
                Positions::None => "none",
            },
            "theta": rotary(config).map(|(theta, _)| theta),
            "rotary_dim": rotary(config).map(|(_, dim)| dim),
            "tied": config.tied,
            "window": config.window,
            "chat": self.chat_template.is_some(),
            "beginning": self.beginning.map(|id| id.0),
            "snapshots": self.snapshots(),
            "step": self.step.map(|(step, _)| step),
            "steps": self.step.map(|(_, steps)| steps),
            "compute": self.weights.compute().name(),
        })
    }
}

fn rotary(config: &Config) -> Option<(f32, usize)> {
    match config.positions {
        Positions::Rotary(how) => Some((how.theta, how.rotary_dim)),
        Positions::Learned | Positions::None => None,
    }
}

/// The models by name, in the order in which they were given.
#[derive(Debug, Default)]
pub(crate) struct Models(RwLock<Vec<Arc<Open>>>);

impl Models {
    /// Adds a model, or lets it take the place of the one of its name.
    pub(crate) fn put(&self, open: Open) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match all.iter_mut().find(|there| there.name == open.name) {
            Some(place) => *place = Arc::new(open),
            None => all.push(Arc::new(open)),
        }
    }

    /// All, as they stand.
    pub(crate) fn all(&self) -> Vec<Arc<Open>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The model of a name; the first where none is given.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Arc<Open>> {
        let all = self.all();
        let found = match name {
            None => all.first(),
            Some(name) => all.iter().find(|open| open.name == name),
        };
        found.cloned().ok_or_else(|| match name {
            Some(name) => Refused::missing(format!("there is no model {} here", quoted(name))),
            None => Refused::missing("there is no model here yet; it is about to be trained"),
        })
    }

    /// What the page is told of them.
    pub(crate) fn described(&self) -> Vec<Value> {
        self.all().iter().map(|open| open.described()).collect()
    }
}
