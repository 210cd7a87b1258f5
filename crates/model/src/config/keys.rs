//! Takes the keys of a JSON object one by one; a key that was not taken is refused unless it is harmless.

use lookback_files::{Refusal, Result, excerpt};
use serde_json::{Map, Value};

/// What programs that train begin the names of their own notes with.
const NOTES: &[&str] = &["_", "unsloth_"];

/// Keys that change nothing in a forward pass in f32.
const HARMLESS: &[&str] = &[
    "activation_dropout",
    "architectures",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attention_softmax_in_fp32",
    "attn_implementation",
    "attn_pdrop",
    "auto_map",
    "bos_token",
    "cache_implementation",
    "chunk_size_feed_forward",
    "classifier_dropout",
    "cls_token_id",
    "cross_attention_hidden_size",
    "custom_pipelines",
    "decoder_start_token_id",
    "dropout",
    "dtype",
    "embd_dropout",
    "embd_pdrop",
    "embed_dropout",
    "embedding_dropout",
    "eos_token",
    "finetuning_task",
    "gradient_checkpointing",
    "hidden_dropout",
    "hidden_dropout_prob",
    "id2label",
    "init_std",
    "initializer_range",
    "is_decoder",
    "is_llama_config",
    "label2id",
    "language",
    "layerdrop",
    "license",
    "loss_type",
    "mask_token_id",
    "max_seq_len",
    "max_seq_length",
    "max_sequence_length",
    "model_max_length",
    "model_type",
    "n_ctx",
    "n_special",
    "neftune_noise_alpha",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "pad_token",
    "pad_token_id",
    "predict_special_tokens",
    "prefix",
    "pretraining_tp",
    "problem_type",
    "reorder_and_upcast_attn",
    "resid_dropout",
    "resid_pdrop",
    "residual_dropout",
    "return_dict",
    "scale_attention_softmax_in_fp32",
    "sep_token_id",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "task_specific_params",
    "tf_legacy_loss",
    "tie_encoder_decoder",
    "tokenizer_class",
    "torch_dtype",
    "torchscript",
    "training_dtype",
    "transformers.js_config",
    "transformers_version",
    "unk_token",
    "unk_token_id",
    "use_bfloat16",
    "use_cache",
    "use_flash_attn",
    // Older files keep the settings of generation here.
    "bad_words_ids",
    "begin_suppress_tokens",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "length_penalty",
    "max_length",
    "max_new_tokens",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_scores",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict_in_generate",
    "suppress_tokens",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
];

/// The largest id that a vocabulary may have.
const LARGEST_ID: u64 = 1 << 24;

/// The object's keys, with who has been understood.
pub(crate) struct Keys<'a> {
    object: &'a Map<String, Value>,
    /// What stands before a key in a sentence: `rope_parameters.`
    prefix: &'a str,
    taken: Vec<&'static str>,
}

/// Whether two values are the same; numbers are however they are written, 7 and 7.0.
fn is_same(value: &Value, understood: &Value) -> bool {
    let numbers = value.as_f64().zip(understood.as_f64());
    numbers.map_or(value == understood, |(value, understood)| value == understood)
}

impl<'a> Keys<'a> {
    pub(crate) fn new(object: &'a Map<String, Value>, prefix: &'a str) -> Self {
        Self { object, prefix, taken: Vec::new() }
    }

    /// The value of a key, unless it is missing or null.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        self.taken.push(key);
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// A size that must be there.
    pub(crate) fn size(&mut self, key: &'static str) -> Result<usize> {
        match self.size_or_none(key)? {
            Some(size) => Ok(size),
            None => Err(Refusal::user(format!("{}{key} is missing", self.prefix))),
        }
    }

    /// Whether a key stands there, be it null.
    pub(crate) fn has(&mut self, key: &'static str) -> bool {
        self.taken.push(key);
        self.object.contains_key(key)
    }

    /// A size under the first of several names that is there.
    pub(crate) fn first_size(&mut self, names: &[&'static str]) -> Result<usize> {
        let mut found = None;
        for name in names {
            let size = self.size_or_none(name)?;
            found = found.or(size);
        }
        match found {
            Some(size) => Ok(size),
            None => Err(Refusal::user(format!("{}{} is missing", self.prefix, names[0]))),
        }
    }

    /// A size, if it is there.
    pub(crate) fn size_or_none(&mut self, key: &'static str) -> Result<Option<usize>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_u64().and_then(|size| usize::try_from(size).ok()) {
            Some(size) => Ok(Some(size)),
            None => self.wrong(key, value, "a whole number"),
        }
    }

    /// A number, if it is there, rounded to f32.
    pub(crate) fn number(&mut self, key: &'static str) -> Result<Option<f32>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_f64() {
            Some(number) => Ok(Some(number as f32)),
            None => self.wrong(key, value, "a number"),
        }
    }

    /// A list of numbers, if it is there, each rounded to f32.
    pub(crate) fn numbers(&mut self, key: &'static str) -> Result<Option<Vec<f32>>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let numbers = value.as_array().and_then(|values| {
            values.iter().map(|value| value.as_f64().map(|number| number as f32)).collect()
        });
        match numbers {
            Some(numbers) => Ok(Some(numbers)),
            None => self.wrong(key, value, "a list of numbers"),
        }
    }

    /// What stands before a key in a sentence.
    pub(crate) fn prefix(&self) -> &str {
        self.prefix
    }

    /// Refuses a flag that is on, or a value that is not the one that is understood.
    pub(crate) fn only(&mut self, key: &'static str, understood: &Value) -> Result<()> {
        match self.take(key) {
            Some(value) if !is_same(value, understood) => Err(Refusal::unsupported(format!(
                "{}{key} is {}, which is not understood; {understood} is",
                self.prefix,
                excerpt(&value.to_string())
            ))),
            _ => Ok(()),
        }
    }

    /// Yes or no; `defaults` if it is missing.
    pub(crate) fn flag(&mut self, key: &'static str, defaults: bool) -> Result<bool> {
        let Some(value) = self.take(key) else { return Ok(defaults) };
        match value.as_bool() {
            Some(flag) => Ok(flag),
            None => self.wrong(key, value, "true or false"),
        }
    }

    /// A word, if it is there.
    pub(crate) fn word(&mut self, key: &'static str) -> Result<Option<&'a str>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_str() {
            Some(word) => Ok(Some(word)),
            None => self.wrong(key, value, "a string"),
        }
    }

    /// An object, if it is there.
    pub(crate) fn object(&mut self, key: &'static str) -> Result<Option<&'a Map<String, Value>>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_object() {
            Some(object) => Ok(Some(object)),
            None => self.wrong(key, value, "an object"),
        }
    }

    /// A whole number or a list of them; nothing if it is missing.
    pub(crate) fn ids(&mut self, key: &'static str) -> Result<Vec<u64>> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        // No vocabulary goes beyond what libraries count ids with.
        let id = |value: &Value| value.as_u64().filter(|id| i32::try_from(*id).is_ok());
        let ids = match value {
            Value::Array(values) => values.iter().map(id).collect(),
            one => id(one).map(|id| vec![id]),
        };
        // Larger than any vocabulary: a -1 that was written without its sign, or no id at all.
        match ids.filter(|ids| ids.iter().all(|&id| id <= LARGEST_ID)) {
            Some(ids) => Ok(ids),
            None => self.wrong(key, value, "a token id or a list of them"),
        }
    }

    /// Refuses the first key that was not taken, unless it is known to be harmless or switched off.
    pub(crate) fn finish(self) -> Result<()> {
        for (key, value) in self.object {
            let off = match value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(values) => values.is_empty(),
                Value::Object(values) => values.is_empty(),
                _ => false,
            };
            // Numbers of eight bits with scales, which the file's tensors say.
            let is_fp8 = key == "quantization_config" && value["quant_method"] == "fp8";
            let known = self.taken.contains(&key.as_str())
                || is_fp8
                || self.prefix.is_empty()
                    && (HARMLESS.contains(&key.as_str())
                        || NOTES.iter().any(|note| key.starts_with(note)));
            if !known && !off {
                return Err(Refusal::unsupported(format!(
                    "{}{} = {} is not understood, and may change what the model computes; remove \
                     it if you know that it does not",
                    self.prefix,
                    excerpt(key),
                    excerpt(&value.to_string())
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn wrong<T>(&self, key: &str, value: &Value, wanted: &str) -> Result<T> {
        let value = excerpt(&value.to_string());
        Err(Refusal::user(format!("{}{key} is {value}; {wanted} is needed", self.prefix)))
    }
}
