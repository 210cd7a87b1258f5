//! The links of a chain: their names and their order, and one of them with its settings.

use std::fmt;

use lookback_files::{Kind, Refusal, Result, Setting, quoted_excerpt};
use lookback_text::TokenId;

use super::{
    candidates::Candidates,
    repetition::{Dry, Penalties},
    rules::Answer,
    surprise::Mirostat,
    words::Words,
};

/// A link of the chain, which `--samplers` puts in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// What was said already becomes less likely.
    Penalties,
    /// What would go on a repetition becomes less likely, the longer the less.
    Dry,
    /// Keeps what stands within some standard deviations of the largest logit.
    TopNSigma,
    /// Keeps the k likeliest.
    TopK,
    /// Keeps what is about as surprising as is to be expected.
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

impl Link {
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

    /// The links that a list such as `top_k;temperature` names, in its order. An empty list is a
    /// chain that changes nothing.
    pub fn parse_all(list: &str) -> Result<Vec<Self>> {
        let mut links = Vec::new();
        for word in list.split([';', ',']).map(str::trim).filter(|word| !word.is_empty()) {
            let plain = word.to_ascii_lowercase().replace('-', "_");
            let plain = match plain.as_str() {
                "typical" | "typical_p" => "typ_p",
                "temp" => "temperature",
                plain => plain,
            };
            let link = Self::ORDER.into_iter().find(|link| link.name() == plain);
            let link = link.ok_or_else(|| {
                let known: Vec<&str> = Self::ORDER.iter().map(|link| link.name()).collect();
                let known = known.join(", ");
                refuse(&format!("there is no sampler {}; there are {known}", quoted_excerpt(word)))
            })?;
            if links.contains(&link) {
                let link = link.name();
                return Err(refuse(&format!("{link} is named twice; name each sampler once")));
            }
            links.push(link);
        }
        Ok(links)
    }
}

fn refuse(why: &str) -> Refusal {
    Refusal::of(Kind::InvalidSetting, format!("{}: {why}", Setting("samplers")))
}

/// One link of the chain with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Biases, bans and the tokens that alone may be chosen; always first.
    Words(Words),
    /// Lowers the logits of tokens that were said lately.
    Penalties(Penalties),
    /// Lowers the logits of tokens that would go on a repetition.
    Dry(Dry),
    /// Keeps logits within so many standard deviations of the largest.
    TopNSigma(f64),
    /// Keeps the `k` most likely.
    TopK(usize),
    /// Keeps those whose surprise is nearest to the expected one, up to this share.
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
        least: f64,
        /// Where all are equally likely.
        most: f64,
        /// How the way between them bends.
        exponent: f64,
    },
    /// Keeps the likeliest alone.
    Greedy,
    /// Keeps as many as make the surprise follow a target.
    Mirostat(Mirostat),
}

/// What a step goes by besides the candidates.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    /// The text so far.
    pub(super) past: &'a [TokenId],
    /// In 0 .. 1; decides whether XTC takes its step.
    pub(super) xtc: f64,
    /// Mirostat's, in bits.
    pub(super) bound: f64,
    pub(super) answer: Answer,
}

impl Step {
    /// Takes the step. Only bans can leave nothing, which is refused.
    pub(super) fn apply(&self, to: &mut Candidates, at: At<'_>) -> Result<()> {
        match self {
            Self::Words(words) => {
                words.apply(to, at.past, at.answer);
                if to.all().is_empty() {
                    return Err(Refusal::user(
                        "every token that may follow is banned, so none can be chosen; ban fewer, \
                         or allow more",
                    ));
                }
            }
            Self::Penalties(penalties) => penalties.apply(to, at.past),
            Self::Dry(dry) => dry.apply(to, at.past),
            Self::TopNSigma(n) => to.keep_within_deviations(*n),
            Self::TopK(k) => to.keep_first(*k),
            Self::Typical(share) => to.keep_typical(*share),
            Self::TopP(share) => to.keep_share(*share),
            Self::MinP(share) => {
                to.weigh();
                to.retain(|candidate| candidate.weight >= *share);
            }
            Self::Xtc { probability, threshold } => {
                if at.xtc < *probability {
                    to.exclude_top_choices(*threshold);
                }
            }
            Self::Temperature(temperature) => to.divide(*temperature),
            Self::DynamicTemperature { least, most, exponent } => {
                to.divide_by_entropy(*least, *most, *exponent);
            }
            Self::Greedy => to.keep_first(1),
            Self::Mirostat(mirostat) => mirostat.apply(to, at.bound),
        }
        Ok(())
    }

    /// The sampler that it is a step of: a [`Link`]'s name, `bias` or `mirostat`.
    pub fn sampler(&self) -> &'static str {
        match self {
            Self::Words(_) => "bias",
            Self::Penalties(_) => Link::Penalties.name(),
            Self::Dry(_) => Link::Dry.name(),
            Self::TopNSigma(_) => Link::TopNSigma.name(),
            Self::TopK(_) => Link::TopK.name(),
            Self::Typical(_) => Link::Typical.name(),
            Self::TopP(_) => Link::TopP.name(),
            Self::MinP(_) => Link::MinP.name(),
            Self::Xtc { .. } => Link::Xtc.name(),
            Self::Temperature(_) | Self::DynamicTemperature { .. } | Self::Greedy => {
                Link::Temperature.name()
            }
            Self::Mirostat(_) => "mirostat",
        }
    }

    /// Whether it may take the likeliest token away or put another in its place.
    pub(super) fn may_dethrone(&self) -> bool {
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

impl fmt::Display for Step {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => write!(to, "{words}"),
            Self::Penalties(penalties) => write!(to, "{penalties}"),
            Self::Dry(dry) => write!(to, "dry {}", dry.multiplier),
            Self::TopNSigma(n) => write!(to, "top-n-sigma {n}"),
            Self::TopK(k) => write!(to, "top-k {k}"),
            Self::Typical(p) => write!(to, "typical {p}"),
            Self::TopP(p) => write!(to, "top-p {p}"),
            Self::MinP(p) => write!(to, "min-p {p}"),
            Self::Xtc { probability, threshold } => write!(to, "xtc {probability} at {threshold}"),
            Self::Temperature(temperature) => write!(to, "temperature {temperature}"),
            Self::DynamicTemperature { least, most, .. } => {
                write!(to, "temperature {least} to {most}")
            }
            Self::Greedy => to.write_str("greedy"),
            Self::Mirostat(mirostat) => {
                write!(to, "mirostat {} towards {} bits", mirostat.version, mirostat.target)
            }
        }
    }
}
