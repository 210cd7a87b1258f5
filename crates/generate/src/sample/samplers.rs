//! The samplers that there are, described for whoever offers them: a slider, an API, a manual.

use lookback_files::{Refusal, Result};
use serde::Serialize;

use super::Settings;

/// A sampler and the range in which it is worth trying.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Described {
    /// As it is spelled in settings, such as `top_k`.
    pub name: &'static str,
    /// As people say it.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// The smallest value worth trying.
    pub least: f64,
    /// The largest value worth trying; larger ones may be allowed.
    pub most: f64,
    /// How far one notch goes.
    pub notch: f64,
    /// The value that changes nothing.
    pub neutral: f64,
    /// What `lookback generate` takes unless told otherwise.
    pub default: f64,
}

/// Every sampler, in the order of the chain.
pub const SAMPLERS: [Described; 4] = [
    Described {
        name: "temperature",
        title: "temperature",
        about: "Divides the logits: below 1 the likely become likelier, above 1 the odds even out; \
                0 always takes the likeliest.",
        least: 0.0,
        most: 2.0,
        notch: 0.05,
        neutral: 1.0,
        default: 0.8,
    },
    Described {
        name: "top_k",
        title: "top-k",
        about: "Keeps the k likeliest; 0 keeps all.",
        least: 0.0,
        most: 100.0,
        notch: 1.0,
        neutral: 0.0,
        default: 0.0,
    },
    Described {
        name: "top_p",
        title: "top-p",
        about: "Keeps the fewest likeliest that together have this share of the probability.",
        least: 0.0,
        most: 1.0,
        notch: 0.01,
        neutral: 1.0,
        default: 0.95,
    },
    Described {
        name: "min_p",
        title: "min-p",
        about: "Keeps those at least this share as likely as the likeliest.",
        least: 0.0,
        most: 1.0,
        notch: 0.01,
        neutral: 0.0,
        default: 0.0,
    },
];

impl Settings {
    /// What `lookback generate` takes unless told otherwise.
    pub fn usual(seed: u64) -> Self {
        let of = |at: usize| SAMPLERS[at].default;
        let (temperature, top_k) = (of(0), of(1) as usize);
        Self { temperature, top_k, top_p: of(2), min_p: of(3), seed }
    }

    /// Sets a sampler by the name that [`SAMPLERS`] gives it. Whether the value is possible is said
    /// by [`Settings::steps`], but for a number of tokens that is none.
    pub fn set(&mut self, name: &str, value: f64) -> Result<()> {
        match name {
            "temperature" => self.temperature = value,
            "top_k" if value >= 0.0 && value.fract() == 0.0 => self.top_k = value as usize,
            "top_k" => {
                return Err(Refusal::user(format!(
                    "--top-k {value}: a number of tokens is whole and not negative; 0 keeps all"
                )));
            }
            "top_p" => self.top_p = value,
            "min_p" => self.min_p = value,
            _ => {
                let known: Vec<&str> = SAMPLERS.iter().map(|sampler| sampler.name).collect();
                return Err(Refusal::user(format!(
                    "there is no sampler {name:?}; there are {}",
                    known.join(", ")
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_described_sampler_can_be_set_and_changes_nothing_when_neutral() {
        let mut settings = Settings::usual(0);
        for sampler in SAMPLERS {
            assert!((sampler.least..=sampler.most).contains(&sampler.default), "{}", sampler.name);
            settings.set(sampler.name, sampler.neutral).unwrap();
            let mut alone = Settings::plain(0);
            alone.set(sampler.name, sampler.least.max(sampler.notch)).unwrap();
            assert_eq!(alone.steps().unwrap().first().unwrap().sampler(), sampler.name);
        }
        assert_eq!(settings, Settings::plain(0));
        assert!(settings.steps().unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_set_is_refused_by_name() {
        let mut settings = Settings::plain(0);
        let said = settings.set("mirostat", 5.0).unwrap_err().to_string();
        assert_eq!(
            said,
            "there is no sampler \"mirostat\"; there are temperature, top_k, top_p, min_p"
        );
        for value in [-1.0, 2.5, f64::NAN] {
            let said = settings.set("top_k", value).unwrap_err().to_string();
            assert!(said.starts_with(&format!("--top-k {value}: ")), "{said}");
        }
    }
}
