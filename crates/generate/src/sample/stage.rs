//! The kinds of samplers, their names and their order, and a stage of a chain: a sampler with its settings.

use std::fmt;

use lookback_files::{Kind, Refusal, Result, Setting, quoted_excerpt};
use lookback_text::TokenId;

use super::{
    candidates::Candidates,
    entropy::Mirostat,
    logit_bias::LogitBias,
    logits_rules::Completion,
    repetition::{Dry, Penalties},
};

/// A kind of sampler, which `--samplers` puts in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamplerKind {
    /// Tokens of the text so far become less likely.
    Penalties,
    /// Tokens that would continue a repetition become less likely, the longer the repetition the less.
    Dry,
    /// Keeps what stands within some standard deviations of the largest logit.
    TopNSigma,
    /// Keeps the k likeliest.
    TopK,
    /// Keeps tokens whose surprisal is near the entropy.
    Typical,
    /// Keeps the likeliest that together have a share.
    TopP,
    /// Keeps what is at least a share as likely as the likeliest.
    MinP,
    /// Now and then takes the likeliest away.
    Xtc,
    /// Divides the logits.
    Temperature,
}

impl SamplerKind {
    /// The order in which llama.cpp has them, which is the usual one.
    pub const ORDER: [Self; 9] = [
        Self::Penalties,
        Self::Dry,
        Self::TopNSigma,
        Self::TopK,
        Self::Typical,
        Self::TopP,
        Self::MinP,
        Self::Xtc,
        Self::Temperature,
    ];

    /// Its name, which is llama.cpp's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Penalties => "penalties",
            Self::Dry => "dry",
            Self::TopNSigma => "top_n_sigma",
            Self::TopK => "top_k",
            Self::Typical => "typ_p",
            Self::TopP => "top_p",
            Self::MinP => "min_p",
            Self::Xtc => "xtc",
            Self::Temperature => "temperature",
        }
    }

    /// The samplers that a list such as `top_k;temperature` names, in its order. An empty list is a
    /// chain that changes nothing.
    pub fn parse_all(list: &str) -> Result<Vec<Self>> {
        let mut kinds = Vec::new();
        for word in list.split([';', ',']).map(str::trim).filter(|word| !word.is_empty()) {
            let plain = word.to_ascii_lowercase().replace('-', "_");
            let plain = match plain.as_str() {
                "typical" | "typical_p" => "typ_p",
                "temp" => "temperature",
                plain => plain,
            };
            let kind = Self::ORDER.into_iter().find(|kind| kind.name() == plain);
            let kind = kind.ok_or_else(|| {
                let known: Vec<&str> = Self::ORDER.iter().map(|kind| kind.name()).collect();
                let known = known.join(", ");
                refuse(&format!("there is no sampler {}; there are {known}", quoted_excerpt(word)))
            })?;
            if kinds.contains(&kind) {
                let kind = kind.name();
                return Err(refuse(&format!("{kind} is named twice; name each sampler once")));
            }
            kinds.push(kind);
        }
        Ok(kinds)
    }
}

fn refuse(why: &str) -> Refusal {
    Refusal::of(Kind::InvalidSetting, format!("{}: {why}", Setting("samplers")))
}

/// One sampler of a chain with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum SamplerStage {
    /// Biases, bans and the tokens that alone may be chosen; always first.
    LogitBias(LogitBias),
    /// Lowers the logits of tokens among the last ones.
    Penalties(Penalties),
    /// Lowers the logits of tokens that would continue a repetition.
    Dry(Dry),
    /// Keeps logits within so many standard deviations of the largest.
    TopNSigma(f64),
    /// Keeps the `k` most likely.
    TopK(usize),
    /// Keeps those whose surprisal is nearest to the entropy, up to this share.
    Typical(f64),
    /// Keeps the fewest most likely that together have this share of the probability.
    TopP(f64),
    /// Keeps those at least this share as likely as the likeliest.
    MinP(f64),
    /// Now and then takes away all but the least likely of those that reach the threshold.
    Xtc {
        /// How often: a share of the tokens.
        probability: f64,
        /// The probability from which a token counts as a top choice.
        threshold: f64,
    },
    /// Divides every logit: below 1 the likely become likelier, above 1 the odds even out.
    Temperature(f64),
    /// Divides by a temperature that rises with the entropy.
    DynamicTemperature {
        /// At entropy 0.
        min: f64,
        /// Where all are equally likely.
        max: f64,
        /// How the way between them bends.
        exponent: f64,
    },
    /// Keeps the likeliest alone.
    Greedy,
    /// Keeps as many as make the surprisal follow a target.
    Mirostat(Mirostat),
}

/// What a stage goes by besides the candidates.
#[derive(Clone, Copy, Debug)]
pub(super) struct StageInput<'a> {
    /// The text so far.
    pub(super) past: &'a [TokenId],
    /// In 0 .. 1; decides whether XTC applies.
    pub(super) xtc_draw: f64,
    /// Mirostat's μ, in bits.
    pub(super) mu: f64,
    pub(super) completion: Completion,
}

impl SamplerStage {
    /// Applies the stage. Only bans can leave no candidate, which is refused.
    pub(super) fn apply(&self, candidates: &mut Candidates, input: StageInput<'_>) -> Result<()> {
        match self {
            Self::LogitBias(logit_bias) => {
                logit_bias.apply(candidates, input.past, input.completion);
                if candidates.all().is_empty() {
                    return Err(Refusal::user(
                        "every token that may follow is banned, so none can be chosen; ban fewer, \
                         or allow more",
                    ));
                }
            }
            Self::Penalties(penalties) => penalties.apply(candidates, input.past),
            Self::Dry(dry) => dry.apply(candidates, input.past),
            Self::TopNSigma(n) => candidates.keep_top_n_sigma(*n),
            Self::TopK(k) => candidates.keep_top_k(*k),
            Self::Typical(share) => candidates.keep_typical(*share),
            Self::TopP(share) => candidates.keep_top_p(*share),
            Self::MinP(share) => {
                candidates.compute_weights();
                candidates.retain(|candidate| candidate.weight >= *share);
            }
            Self::Xtc { probability, threshold } => {
                if input.xtc_draw < *probability {
                    candidates.exclude_top_choices(*threshold);
                }
            }
            Self::Temperature(temperature) => candidates.divide(*temperature),
            Self::DynamicTemperature { min, max, exponent } => {
                candidates.divide_by_dynamic_temperature(*min, *max, *exponent);
            }
            Self::Greedy => candidates.keep_top_k(1),
            Self::Mirostat(mirostat) => mirostat.apply(candidates, input.mu),
        }
        Ok(())
    }

    /// The name of its sampler: a [`SamplerKind`]'s name, `bias` or `mirostat`.
    pub fn sampler_name(&self) -> &'static str {
        match self {
            Self::LogitBias(_) => "bias",
            Self::Penalties(_) => SamplerKind::Penalties.name(),
            Self::Dry(_) => SamplerKind::Dry.name(),
            Self::TopNSigma(_) => SamplerKind::TopNSigma.name(),
            Self::TopK(_) => SamplerKind::TopK.name(),
            Self::Typical(_) => SamplerKind::Typical.name(),
            Self::TopP(_) => SamplerKind::TopP.name(),
            Self::MinP(_) => SamplerKind::MinP.name(),
            Self::Xtc { .. } => SamplerKind::Xtc.name(),
            Self::Temperature(_) | Self::DynamicTemperature { .. } | Self::Greedy => {
                SamplerKind::Temperature.name()
            }
            Self::Mirostat(_) => "mirostat",
        }
    }

    /// Whether it may remove the likeliest token or make another one the likeliest.
    pub(super) fn may_change_argmax(&self) -> bool {
        !matches!(
            self,
            Self::TopNSigma(_)
                | Self::TopK(_)
                | Self::TopP(_)
                | Self::MinP(_)
                | Self::Temperature(_)
                | Self::DynamicTemperature { .. }
        )
    }
}

impl fmt::Display for SamplerStage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogitBias(logit_bias) => write!(formatter, "{logit_bias}"),
            Self::Penalties(penalties) => write!(formatter, "{penalties}"),
            Self::Dry(dry) => write!(formatter, "dry {}", dry.multiplier),
            Self::TopNSigma(n) => write!(formatter, "top-n-sigma {n}"),
            Self::TopK(k) => write!(formatter, "top-k {k}"),
            Self::Typical(p) => write!(formatter, "typical {p}"),
            Self::TopP(p) => write!(formatter, "top-p {p}"),
            Self::MinP(p) => write!(formatter, "min-p {p}"),
            Self::Xtc { probability, threshold } => {
                write!(formatter, "xtc {probability} at {threshold}")
            }
            Self::Temperature(temperature) => write!(formatter, "temperature {temperature}"),
            Self::DynamicTemperature { min, max, .. } => {
                write!(formatter, "temperature {min} to {max}")
            }
            Self::Greedy => formatter.write_str("greedy"),
            Self::Mirostat(mirostat) => {
                write!(formatter, "mirostat {} towards {} bits", mirostat.version, mirostat.target)
            }
        }
    }
}
