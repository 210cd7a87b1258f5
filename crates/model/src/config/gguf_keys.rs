//! The keys of a GGUF file's architecture, taken one by one; a key that was not taken is refused.

use std::sync::Arc;

use lookback_files::{Refusal, Result, excerpt};

use super::{Config, LongRope, Positions, RopeScaling, RotaryConfig, Yarn, yarn_attention_factor};

/// What a GGUF file holds beside its weights: metadata by key, tensors by name.
pub(crate) trait GgufSource {
    /// A whole number, if it is there.
    fn whole(&self, key: &str) -> Result<Option<u64>>;
    /// A real number, if it is there.
    fn real(&self, key: &str) -> Result<Option<f64>>;
    /// Yes or no, if it is there.
    fn flag(&self, key: &str) -> Result<Option<bool>>;
    /// A list of yes and no, if it is there and one.
    fn flags(&self, key: &str) -> Result<Option<Vec<bool>>>;
    /// A string, if it is there.
    fn text(&self, key: &str) -> Result<Option<&str>>;
    /// All keys, in the order of the file.
    fn keys(&self) -> Vec<&str>;
    /// Whether a key switches something off: false, or 0.
    fn is_off(&self, key: &str) -> bool;
    /// Its tensors.
    fn tensors(&self) -> &dyn GgufTensors;
}

/// The tensors of a GGUF file, by name.
pub(crate) trait GgufTensors {
    /// The shape of one, outermost first.
    fn shape(&self, name: &str) -> Option<&[usize]>;
    /// Its values in f32.
    fn values(&self, name: &str) -> Option<Arc<[f32]>>;
}

/// The keys of the architecture, with those that have been understood, and its tensors.
pub(crate) struct GgufKeys<'a> {
    source: &'a dyn GgufSource,
    /// The file's architecture, which stands before its keys.
    architecture: &'static str,
    taken: Vec<String>,
}

impl<'a> GgufKeys<'a> {
    /// Those of a file of this architecture.
    pub(crate) fn new(source: &'a dyn GgufSource, architecture: &'static str) -> Self {
        Self { source, architecture, taken: Vec::new() }
    }

    fn key(&mut self, part: &str) -> String {
        let key = format!("{}.{part}", self.architecture);
        self.taken.push(key.clone());
        key
    }

    /// A size that must be there.
    pub(crate) fn size(&mut self, part: &str) -> Result<usize> {
        let key = self.key(part);
        match self.source.whole(&key)? {
            Some(size) => Ok(usize::try_from(size).unwrap_or(usize::MAX)),
            None => Err(Refusal::user(format!("metadata {key} is missing"))),
        }
    }

    /// A size, if it is there.
    pub(crate) fn size_or_none(&mut self, part: &str) -> Result<Option<usize>> {
        let key = self.key(part);
        let size = self.source.whole(&key)?;
        Ok(size.map(|size| usize::try_from(size).unwrap_or(usize::MAX)))
    }

    /// A size, or another if it is missing.
    pub(crate) fn size_or(&mut self, part: &str, defaults: usize) -> Result<usize> {
        Ok(self.size_or_none(part)?.unwrap_or(defaults))
    }

    /// A number, if it is there.
    pub(crate) fn real(&mut self, part: &str) -> Result<Option<f32>> {
        let key = self.key(part);
        Ok(self.source.real(&key)?.map(|number| number as f32))
    }

    /// Yes or no, if it is there.
    pub(crate) fn flag(&mut self, part: &str) -> Result<Option<bool>> {
        let key = self.key(part);
        self.source.flag(&key)
    }

    /// A string, if it is there.
    pub(crate) fn text(&mut self, part: &str) -> Result<Option<&'a str>> {
        let key = self.key(part);
        self.source.text(&key)
    }

    /// A key that changes nothing.
    pub(crate) fn pass_over(&mut self, part: &str) {
        self.key(part);
    }

    /// Whether the first block has a tensor.
    pub(crate) fn first_block_has(&self, part: &str) -> bool {
        self.source.tensors().shape(&format!("blk.0.{part}")).is_some()
    }

    /// A sliding window, if the file names its size: in all layers but the last of each `interval`, or in all
    /// if that is 0, unless the file names another interval or the layers.
    pub(crate) fn windows(&mut self, config: Config, interval: usize) -> Result<Config> {
        let window = self.size_or_none("attention.sliding_window")?.filter(|window| *window > 0);
        let key = self.key("attention.sliding_window_pattern");
        if let Some(layers) = self.source.flags(&key)? {
            // Files may say it of more layers than there are.
            let layers = layers.into_iter().chain(std::iter::repeat(false)).take(config.layers);
            return Ok(config.with_windows(window, layers.collect()));
        }
        let interval = self.size_or("attention.sliding_window_pattern", interval)?;
        let has_window = |layer: usize| interval == 0 || layer % interval < interval - 1;
        let layers = (0..config.layers).map(has_window).collect();
        Ok(config.with_windows(window, layers))
    }

    /// The rotary embedding of layers with a window: `usual`, with the base that the file names for them.
    pub(crate) fn window_rotary(
        &mut self,
        config: Config,
        usual: impl FnOnce(&RotaryConfig) -> RotaryConfig,
    ) -> Result<Config> {
        let theta = self.real("rope.freq_base_swa")?;
        let Positions::Rotary(rotary) = &config.positions else { return Ok(config) };
        let mut own = usual(rotary);
        own.theta = theta.unwrap_or(own.theta);
        let window_rotary = (config.window.is_some() && own != *rotary).then_some(own);
        Ok(Config { window_rotary, ..config })
    }

    /// The rotary embedding. What a file does not say is llama.cpp's, whatever is usual in the family.
    pub(crate) fn rotary(&mut self, head_dim: usize, context: usize) -> Result<RotaryConfig> {
        let rotary_dim = self.size_or("rope.dimension_count", head_dim)?;
        if rotary_dim > head_dim {
            return Err(Refusal::unsupported(format!(
                "{rotary_dim} rotary dimensions of a head's {head_dim} are not understood; as many or \
                 fewer are"
            )));
        }
        let theta = self.real("rope.freq_base")?.unwrap_or(10_000.0);
        let scaling = self.rope_scaling(context)?;
        Ok(RotaryConfig { theta, rotary_dim, scaling })
    }

    fn rope_scaling(&mut self, context: usize) -> Result<RopeScaling> {
        let kind = self.text("rope.scaling.type")?.unwrap_or("linear");
        let old = self.real("rope.scale_linear")?;
        let factor = self.real("rope.scaling.factor")?.or(old);
        let factor = factor.filter(|factor| *factor != 0.0).unwrap_or(1.0);
        let attention = self.real("rope.scaling.attn_factor")?.filter(|factor| *factor != 0.0);
        let original = self.size_or_none("rope.scaling.original_context_length")?;
        let original_context = original.filter(|size| *size > 0).unwrap_or(context);
        let lists = ["rope_factors_short.weight", "rope_factors_long.weight"]
            .map(|name| self.source.tensors().values(name));
        if let [Some(short), Some(long)] = lists {
            let times = context as f64 / original_context as f64;
            let usual = || match times <= 1.0 {
                true => 1.0,
                false => (1.0 + times.ln() / (original_context as f64).ln()).sqrt() as f32,
            };
            let attention_factor = attention.unwrap_or_else(usual);
            return Ok(RopeScaling::LongRope(LongRope {
                short,
                long,
                original_context,
                attention_factor,
            }));
        }
        if let Some(divisors) = self.source.tensors().values("rope_freqs.weight") {
            return Ok(RopeScaling::Divisors(divisors));
        }
        if kind != "yarn" && attention.is_some_and(|factor| factor != 1.0) {
            return Err(Refusal::unsupported(
                "rope.scaling.attn_factor is not understood; remove it or set it to 1",
            ));
        }
        match kind {
            // Older files give a factor and no type; where one says that there is none, llama.cpp does not
            // look at the factor.
            "none" => Ok(RopeScaling::None),
            "linear" if factor == 1.0 => Ok(RopeScaling::None),
            "linear" => Ok(RopeScaling::Linear { factor }),
            "yarn" => {
                let mut real =
                    |part: &str, usual: f32| self.real(part).map(|number| number.unwrap_or(usual));
                let beta_fast = real("rope.scaling.yarn_beta_fast", 32.0)?;
                let beta_slow = real("rope.scaling.yarn_beta_slow", 1.0)?;
                let attention_factor =
                    attention.unwrap_or(1.0) * yarn_attention_factor(factor, 1.0) as f32;
                Ok(RopeScaling::Yarn(Yarn {
                    factor,
                    original_context,
                    beta_fast,
                    beta_slow,
                    truncate: true,
                    attention_factor,
                }))
            }
            kind => Err(Refusal::unsupported(format!(
                "{} rope scaling is not understood; none, linear and yarn are",
                excerpt(kind)
            ))),
        }
    }

    /// Refuses the first key of the architecture that was not taken, unless it is switched off. A mask that is switched
    /// off makes another model.
    pub(crate) fn finish(self) -> Result<()> {
        for key in self.source.keys() {
            let part = key.strip_prefix(self.architecture).and_then(|rest| rest.strip_prefix('.'));
            let Some(part) = part else { continue };
            let is_causal = part == "attention.causal";
            let is_off = self.source.is_off(key) && !is_causal
                || is_causal && self.source.flag(key) == Ok(Some(true))
                || part == "rope.scaling.original_context_length"
                || part == "rope.scaling.finetuned"
                // How rows lie follows from the architecture; llama.cpp never reads it.
                || part == "tensor_data_layout";
            if !is_off && !self.taken.iter().any(|taken| taken == key) {
                return Err(Refusal::unsupported(format!(
                    "metadata {} is not understood, and may change what the model computes",
                    excerpt(key)
                )));
            }
        }
        Ok(())
    }
}
