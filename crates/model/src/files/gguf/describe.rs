//! What a GGUF file says of a configuration and of a tokenizer: the keys that `config` and `tokenizer` read, written.
//!
//! Whether a file has words for all of it is found by reading them again.

use lookback_files::{Refusal, Result};

use super::{
    GgufTokenizer, SamplingDefault, cursor::Cursor, eog_ids, metadata::Metadata,
    metadata_writer::GgufMetadata,
};
use crate::{
    Config, Family, LongRope, NormKind, Positions, RopeScaling, RotaryConfig,
    config::{GgufTensors, yarn_attention_factor},
    families,
};

/// What is said of a model beside its weights.
pub(in crate::files) struct Description {
    pub(in crate::files) family: &'static Family,
    pub(in crate::files) metadata: GgufMetadata,
    /// Factors of rotary frequencies, which stand among the tensors.
    pub(in crate::files) factors: Vec<(&'static str, Vec<f32>)>,
}

impl Description {
    /// Of a configuration that its architecture has words for. `file_type` is llama.cpp's number of the mixture of types.
    pub(in crate::files) fn new(config: &Config, file_type: u32) -> Result<Self> {
        let family = families::written_as_gguf(config)?;
        let mut metadata = GgufMetadata::new(family.gguf);
        metadata.text("general.architecture", family.gguf);
        metadata.whole("general.file_type", file_type);
        metadata.whole("general.quantization_version", 2);
        let mut described = Self { family, metadata, factors: Vec::new() };
        described.sizes(config);
        if let Positions::Rotary(rotary) = &config.positions {
            described.rotary(config, rotary);
        }
        if let Some(rotary) = &config.window_rotary {
            described.metadata.real("rope.freq_base_swa", rotary.theta);
        }
        if let Some(window) = config.window {
            described.metadata.size("attention.sliding_window", window);
        }
        for (key, number) in [
            ("attn_logit_softcapping", config.score_cap),
            ("final_logit_softcapping", config.logit_cap),
            ("attention.clamp_kqv", config.qkv_bound),
        ] {
            if let Some(number) = number {
                described.metadata.real(key, number);
            }
        }
        (family.write_gguf)(config, &mut described.metadata);
        Ok(described)
    }

    fn sizes(&mut self, config: &Config) {
        let metadata = &mut self.metadata;
        metadata.size("context_length", config.written_context());
        metadata.size("embedding_length", config.width);
        metadata.size("block_count", config.layers);
        metadata.size("feed_forward_length", config.hidden);
        metadata.size("attention.head_count", config.heads);
        metadata.size("attention.head_count_kv", config.key_heads);
        if config.head_dim * config.heads != config.width {
            metadata.size("attention.key_length", config.head_dim);
            metadata.size("attention.value_length", config.head_dim);
        }
        metadata.size("vocab_size", config.vocabulary);
        let epsilon = match config.norm {
            NormKind::Layer => "attention.layer_norm_epsilon",
            NormKind::Rms => "attention.layer_norm_rms_epsilon",
        };
        metadata.real(epsilon, config.epsilon);
        if let Some(mixture) = &config.mixture {
            metadata.size("expert_count", mixture.experts);
            metadata.size("expert_used_count", mixture.chosen);
            metadata.size("expert_feed_forward_length", mixture.hidden);
        }
    }

    fn rotary(&mut self, config: &Config, rotary: &RotaryConfig) {
        let metadata = &mut self.metadata;
        metadata.size("rope.dimension_count", rotary.rotary_dim);
        metadata.real("rope.freq_base", rotary.theta);
        match &rotary.scaling {
            RopeScaling::Linear { factor } => {
                metadata.text_of_architecture("rope.scaling.type", "linear");
                metadata.real("rope.scaling.factor", *factor);
            }
            RopeScaling::Yarn(yarn) => {
                metadata.text_of_architecture("rope.scaling.type", "yarn");
                metadata.real("rope.scaling.factor", yarn.factor);
                metadata.size("rope.scaling.original_context_length", yarn.original_context);
                metadata.real("rope.scaling.yarn_beta_fast", yarn.beta_fast);
                metadata.real("rope.scaling.yarn_beta_slow", yarn.beta_slow);
                let usual = yarn_attention_factor(yarn.factor, 1.0) as f32;
                if yarn.attention_factor != usual {
                    let quotient = yarn.attention_factor / usual;
                    let factor =
                        neighbour(quotient, |factor| factor * usual == yarn.attention_factor);
                    metadata.real("rope.scaling.attn_factor", factor);
                }
            }
            RopeScaling::LongRope(LongRope { short, long, original_context, attention_factor }) => {
                metadata.size("rope.scaling.original_context_length", *original_context);
                metadata.real("rope.scaling.attn_factor", *attention_factor);
                self.factors.push(("rope_factors_long.weight", long.to_vec()));
                self.factors.push(("rope_factors_short.weight", short.to_vec()));
            }
            RopeScaling::Llama3 { .. } | RopeScaling::Divisors(_) => {
                self.factors.push(("rope_freqs.weight", divisors(config, rotary)));
            }
            // The latter is not understood by llama.cpp, and found where this is read again.
            RopeScaling::None | RopeScaling::Dynamic { .. } => {}
        }
    }

    /// Writes a tokenizer's keys.
    pub(in crate::files) fn tokenizer(&mut self, tokenizer: &GgufTokenizer) {
        let metadata = &mut self.metadata;
        metadata.text("tokenizer.ggml.model", &tokenizer.model);
        if let Some(pre) = &tokenizer.pre {
            metadata.text("tokenizer.ggml.pre", pre);
        }
        metadata.texts("tokenizer.ggml.tokens", tokenizer.tokens.iter().map(String::as_str));
        if !tokenizer.scores.is_empty() {
            metadata.reals("tokenizer.ggml.scores", &tokenizer.scores);
        }
        if !tokenizer.token_types.is_empty() {
            metadata.numbers("tokenizer.ggml.token_type", &tokenizer.token_types);
        }
        if tokenizer.scores.is_empty() || !tokenizer.merges.is_empty() {
            metadata.texts("tokenizer.ggml.merges", tokenizer.merges.iter().map(String::as_str));
        }
        let mut ends = eog_ids(tokenizer).into_iter();
        let (end_of_turn, end_of_message) = (ends.next(), ends.next());
        for (key, id) in [
            ("bos_token_id", tokenizer.bos),
            ("eos_token_id", tokenizer.eos),
            ("eot_token_id", end_of_turn),
            ("eom_token_id", end_of_message),
            ("unknown_token_id", tokenizer.unknown),
            ("padding_token_id", tokenizer.padding),
        ] {
            if let Some(id) = id {
                metadata.whole(&format!("tokenizer.ggml.{key}"), id.0);
            }
        }
        for (key, flag) in [
            ("add_bos_token", tokenizer.add_bos),
            ("add_eos_token", tokenizer.add_eos),
            ("add_space_prefix", tokenizer.add_space_prefix),
        ] {
            if let Some(flag) = flag {
                metadata.flag_of_file(&format!("tokenizer.ggml.{key}"), flag);
            }
        }
        if let Some(template) = &tokenizer.chat_template {
            metadata.text("tokenizer.chat_template", template);
        }
        let named = &tokenizer.named_chat_templates;
        if !named.is_empty() {
            metadata.texts("tokenizer.chat_templates", named.keys().map(String::as_str));
        }
        for (name, template) in named {
            metadata.text(&format!("tokenizer.chat_template.{name}"), template);
        }
    }

    /// Writes what is suggested about sampling.
    pub(in crate::files) fn sampling(&mut self, suggested: &[(String, SamplingDefault)]) {
        for (name, value) in suggested {
            let key = format!("general.sampling.{name}");
            let is_whole = matches!(name.as_str(), "top_k" | "penalty_last_n" | "mirostat");
            match value {
                SamplingDefault::Text(text) => self.metadata.text(&key, text),
                SamplingDefault::Number(number) if is_whole && number.fract() == 0.0 => {
                    self.metadata.signed(&key, *number as i32);
                }
                SamplingDefault::Number(number) => {
                    self.metadata.real_of_file(&key, *number as f32);
                }
            }
        }
    }

    /// Refuses a model of which what is read of these keys is another one. `shapes` are those of the tensors.
    pub(in crate::files) fn check(
        &self,
        config: &Config,
        shapes: &[(String, Vec<usize>)],
    ) -> Result<()> {
        let (bytes, keys) = self.metadata.bytes();
        let metadata = Metadata::read(&mut Cursor::new(bytes), keys)?;
        let tokenizer = GgufTokenizer::read(bytes, &metadata)?;
        let tensors = Written { shapes, factors: &self.factors };
        let name = self.family.name;
        let read = super::config::read(self.family, &metadata, bytes, &tokenizer, &tensors);
        let read = read.map_err(|refusal| {
            refusal.at(format!("a GGUF file of {} has no words for this model", self.family.gguf))
        })?;
        let wanted = Config { family: self.family, ..config.as_stored() };
        match first_difference(&said_by_gguf(&wanted), &read) {
            None => Ok(()),
            Some(what) => Err(Refusal::unsupported(format!(
                "a GGUF file of {} has no words for this model: {what} must be {name}'s",
                self.family.gguf
            ))),
        }
    }
}

/// Tensors that are to be written.
struct Written<'a> {
    shapes: &'a [(String, Vec<usize>)],
    factors: &'a [(&'static str, Vec<f32>)],
}

impl GgufTensors for Written<'_> {
    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.shapes.iter().find(|(other, _)| other == name).map(|(_, shape)| shape.as_slice())
    }

    fn values(&self, name: &str) -> Option<std::sync::Arc<[f32]>> {
        let found = self.factors.iter().find(|(other, _)| *other == name);
        found.map(|(_, values)| values.as_slice().into())
    }
}

/// The configuration as a GGUF file says it: what Llama 3 does to rotary frequencies is a list there.
fn said_by_gguf(config: &Config) -> Config {
    let positions = match &config.positions {
        Positions::Rotary(rotary) => {
            let scaling = match &rotary.scaling {
                RopeScaling::Llama3 { .. } => {
                    RopeScaling::Divisors(divisors(config, rotary).into())
                }
                others => others.clone(),
            };
            Positions::Rotary(RotaryConfig { scaling, ..rotary.clone() })
        }
        others => others.clone(),
    };
    Config { positions, ..config.clone() }
}

/// What divides each rotary frequency, so that the quotient has the bits of the scaled one where there is such a number.
fn divisors(config: &Config, rotary: &RotaryConfig) -> Vec<f32> {
    if let RopeScaling::Divisors(divisors) = &rotary.scaling {
        return divisors.to_vec();
    }
    let plain = RotaryConfig { scaling: RopeScaling::None, ..rotary.clone() };
    let frequencies = plain.frequencies(config.context);
    let pairs = frequencies.into_iter().zip(rotary.frequencies(config.context));
    pairs
        .map(|(plain, scaled)| neighbour(plain / scaled, |divisor| plain / divisor == scaled))
        .collect()
}

/// A quotient, or a number next to it, with which the way back is exact where that of a rounded one is not.
fn neighbour(quotient: f32, is_exact: impl Fn(f32) -> bool) -> f32 {
    let near = [quotient, quotient.next_up(), quotient.next_down()];
    near.into_iter().find(|near| is_exact(*near)).unwrap_or(quotient)
}

/// What differs first between the model that was meant and the one that is read. Tokens that begin and end texts are
/// the tokenizer's.
fn first_difference(wanted: &Config, read: &Config) -> Option<&'static str> {
    let same = [
        ("its sizes", sizes(wanted) == sizes(read)),
        ("its norms", norms(wanted) == norms(read)),
        ("its positions", positions(wanted) == positions(read)),
        ("its sliding window", windows(wanted) == windows(read)),
        ("its biases", biases(wanted) == biases(read)),
        ("its experts", wanted.mixture == read.mixture),
        ("its soft caps", (wanted.score_cap, wanted.logit_cap) == (read.score_cap, read.logit_cap)),
    ];
    let first = same.into_iter().find(|(_, is_same)| !is_same).map(|(what, _)| what);
    let all = Config { bos: read.bos, eos: read.eos.clone(), ..wanted.clone() };
    first.or((all != *read).then_some("its block, its factors and its activation"))
}

fn sizes(config: &Config) -> [usize; 8] {
    let Config { vocabulary, width, layers, heads, key_heads, head_dim, hidden, context, .. } =
        *config;
    [vocabulary, width, layers, heads, key_heads, head_dim, hidden, context]
}

fn norms(config: &Config) -> impl PartialEq + use<> {
    let Config { norm, norm_placement, query_key_norm, has_norm_weights, norm_bias, .. } = *config;
    (norm, norm_placement, query_key_norm, has_norm_weights, norm_bias, config.epsilon)
}

fn positions(config: &Config) -> impl PartialEq + use<'_> {
    (&config.positions, &config.window_rotary, &config.layers_with_positions)
}

fn windows(config: &Config) -> Vec<Option<usize>> {
    (0..config.layers).map(|layer| config.layer_window(layer)).collect()
}

fn biases(config: &Config) -> [bool; 4] {
    [config.attention_bias, config.output_bias, config.mlp_bias, config.head_bias]
}
