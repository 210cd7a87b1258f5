//! `config.json` as transformers writes it, read and written.
//!
//! A key that changes the mathematics and is not understood is refused by name: a model that runs
//! is the model that was meant.

mod layers;
mod read;
mod rope;
mod write;

use lookback_files::{Refusal, Result};
use serde_json::{Map, Value, json};

pub(crate) use layers::layer_types;
pub(crate) use rope::{RopeContext, write_rope};
pub use write::activation_name;
pub(crate) use write::{decimal, eos_token_id};

use super::{Config, keys::Keys};
use crate::families;

/// Goes before the `model_type` of a model whose logits are capped.
const CAPPED: &str = "capped_";
/// The cap, as Gemma's files name it.
const CAP: &str = "final_logit_softcapping";

impl Config {
    /// Reads a `config.json`.
    pub fn from_hugging_face(text: &str) -> Result<Self> {
        let object = read_object(text)?;
        let mut keys = Keys::new(&object, "");
        let kind = keys.word("model_type")?;
        let plain = kind.and_then(|kind| kind.strip_prefix(CAPPED));
        let family = families::find("model_type", plain.or(kind), |family| family.model_type)?;
        keys.check_architecture(family)?;
        let config = (family.read)(family, &mut keys)?;
        let cap = match plain {
            Some(_) => keys.number(CAP)?,
            None => None,
        };
        keys.finish()?;
        Self { logit_cap: cap.or(config.logit_cap), ..config }.with_short_context().checked()
    }

    /// Takes bos and eos from a `generation_config.json`, where it has them.
    pub fn with_generation(self, text: &str) -> Result<Self> {
        let object = read_object(text)?;
        let mut keys = Keys::new(&object, "");
        let mut config = self;
        let bos = keys.bos(config.vocabulary)?;
        let eos = keys.ids("eos_token_id")?;
        config.bos = bos.or(config.bos);
        if !eos.is_empty() {
            config.eos = read::inside(config.vocabulary, &eos);
        }
        config.checked()
    }

    /// Writes the `config.json` that transformers loads, if its family's files can express all of it.
    ///
    /// A cap of logits has no word there in these families: transformers would leave it out without
    /// a sign. Such a file names a kind of its own, which is refused instead.
    pub fn to_hugging_face(&self) -> Result<String> {
        self.to_hugging_face_of("float32")
    }

    /// The same for weights of another type, by PyTorch's name of it.
    pub(crate) fn to_hugging_face_of(&self, dtype: &str) -> Result<String> {
        let mut object = (self.family.write)(self);
        for key in ["dtype", "torch_dtype"] {
            object[key] = json!(dtype);
        }
        let read = Self::from_hugging_face(&object.to_string());
        if read.as_ref().is_ok_and(|read| *read == self.as_stored()) {
            return Ok(pretty(&object));
        }
        let plain = Self { logit_cap: None, ..self.as_stored() };
        if !read.is_ok_and(|read| read == plain) {
            let name = self.family.name;
            return Err(Refusal::unsupported(format!(
                "{name}'s config.json has no words for this model; its norms, positions, biases and MLP \
                 must be {name}'s"
            )));
        }
        if let Some(cap) = self.logit_cap {
            let plain = object["model_type"].as_str().unwrap_or_default();
            object["model_type"] = json!(format!("{CAPPED}{plain}"));
            object["architectures"] = json!([]);
            object[CAP] = decimal(cap);
        }
        Ok(pretty(&object))
    }

    /// The same of the family whose directories have words for it, where one architecture of GGUF is that of several: an
    /// `olmo2` with windows is an OLMo 3.
    #[must_use]
    pub fn with_family_of_directories(self) -> Self {
        if self.to_hugging_face().is_ok() {
            return self;
        }
        let found = families::sharing_gguf(self.family)
            .map(|family| Self { family, ..self.clone() })
            .find(|other| other.to_hugging_face().is_ok());
        found.unwrap_or(self)
    }

    /// The model that its family's files have room for: where they have every bias, one that it lacks is
    /// there, and zero.
    pub(crate) fn as_stored(&self) -> Self {
        let is_there = self.family.has_every_bias;
        Self {
            norm_bias: self.norm_bias || is_there,
            attention_bias: self.attention_bias || is_there,
            output_bias: self.output_bias || is_there,
            mlp_bias: self.mlp_bias || is_there,
            ..self.clone()
        }
    }

    /// Writes the `generation_config.json` that goes with it.
    pub fn generation_to_hugging_face(&self) -> String {
        pretty(&json!({
            "_from_model_config": true,
            // A transformers user, and we, would take the likeliest token otherwise.
            "do_sample": true,
            "bos_token_id": self.bos,
            "eos_token_id": eos_token_id(self),
        }))
    }
}

fn read_object(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| {
        let what = format!("not the JSON object that is needed ({error}); fetch it again");
        Refusal::corrupt(what)
    })
}

fn pretty(object: &Value) -> String {
    let mut text = serde_json::to_string_pretty(object).expect("plain JSON can be written");
    text.push('\n');
    text
}
