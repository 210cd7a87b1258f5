//! The numbers that samplers take, described for whoever offers them: a slider, an API, the arguments.

use lookback_files::{Refusal, Result};
use serde::Serialize;

use super::Settings;

/// A number that a sampler takes, and the range in which it is worth trying.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Described {
    /// As it is spelled in settings, such as `top_k`; with hyphens it is an argument.
    pub name: &'static str,
    /// The sampler that takes it: the name of a [`Link`](super::Link), or `mirostat`.
    pub sampler: &'static str,
    /// As people say it.
    pub title: &'static str,
    /// What it does, in a sentence or two.
    pub about: &'static str,
    /// The smallest value worth trying.
    pub least: f64,
    /// The largest value worth trying; larger ones may be allowed.
    pub most: f64,
    /// How far one notch goes.
    pub notch: f64,
    /// The value that changes nothing, or, where another number switches the sampler, its default.
    pub neutral: f64,
    /// What `lookback generate` takes unless told otherwise.
    pub default: f64,
    /// Whether most people need no other.
    pub is_main: bool,
    /// The values that are possible.
    #[serde(skip)]
    pub possible: [f64; 2],
    /// The same in words.
    #[serde(skip)]
    pub range: &'static str,
    /// Whether it counts something.
    #[serde(skip)]
    pub is_whole: bool,
}

impl Described {
    /// As an argument: `--top-k`.
    pub fn argument(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}

const LARGEST: f64 = f64::MAX;
const MANY: f64 = u32::MAX as f64;
const SHARE: &str = "a share of the probability is between 0 and 1, such as 0.95";
const LAST: &str = "a number of tokens is whole and not negative; -1 is all, and 0 none";

/// A number of a sampler that does nothing unless asked for.
const RARE: Described = Described {
    name: "",
    sampler: "",
    title: "",
    about: "",
    least: 0.0,
    most: 1.0,
    notch: 0.01,
    neutral: 0.0,
    default: 0.0,
    is_main: false,
    possible: [0.0, 1.0],
    range: SHARE,
    is_whole: false,
};

/// Every number, in the order of the chain.
pub const SAMPLERS: [Described; 21] = [
    Described {
        name: "repeat_penalty",
        sampler: "penalties",
        title: "repeat penalty",
        about: "Divides the positive logits of tokens said lately, and multiplies their negative \
                ones; 1 changes nothing.",
        least: 1.0,
        most: 2.0,
        neutral: 1.0,
        default: 1.0,
        possible: [1e-6, 1e6],
        range: "a penalty on repeated tokens is above 0, such as 1.1",
        ..RARE
    },
    Described {
        name: "presence_penalty",
        sampler: "penalties",
        title: "presence penalty",
        about: "Taken off the logit of each token said lately; 0 changes nothing.",
        least: -2.0,
        most: 2.0,
        possible: [-1e6, 1e6],
        range: "a penalty is a number, mostly between -2 and 2",
        ..RARE
    },
    Described {
        name: "frequency_penalty",
        sampler: "penalties",
        title: "frequency penalty",
        about: "Taken off the logit of a token for each time that it was said lately; 0 changes \
                nothing.",
        least: -2.0,
        most: 2.0,
        possible: [-1e6, 1e6],
        range: "a penalty is a number, mostly between -2 and 2",
        ..RARE
    },
    Described {
        name: "repeat_last_n",
        sampler: "penalties",
        title: "penalised tokens",
        about: "How many of the last tokens the three penalties look back on, the prompt's \
                included; -1 is all.",
        least: 0.0,
        most: 512.0,
        notch: 1.0,
        neutral: 64.0,
        default: 64.0,
        possible: [-1.0, MANY],
        range: LAST,
        is_whole: true,
        ..RARE
    },
    Described {
        name: "dry_multiplier",
        sampler: "dry",
        title: "DRY",
        about: "Makes tokens less likely that go on a phrase said before, the longer the less: \
                takes multiplier · base^(length - allowed) off; 0 changes nothing.",
        most: 5.0,
        possible: [0.0, 1e6],
        range: "a multiplier is 0 (off) or a number above it, such as 0.8",
        ..RARE
    },
    Described {
        name: "dry_base",
        sampler: "dry",
        title: "DRY's base",
        about: "By how much DRY makes each further token of a repetition worse.",
        least: 1.0,
        most: 4.0,
        neutral: 1.75,
        default: 1.75,
        possible: [1.0, 1e6],
        range: "a base is at least 1, such as 1.75",
        ..RARE
    },
    Described {
        name: "dry_allowed_length",
        sampler: "dry",
        title: "DRY's allowance",
        about: "Tokens of a repetition that cost nothing yet.",
        most: 20.0,
        notch: 1.0,
        neutral: 2.0,
        default: 2.0,
        possible: [0.0, MANY],
        range: "a number of tokens is whole and not negative",
        is_whole: true,
        ..RARE
    },
    Described {
        name: "dry_penalty_last_n",
        sampler: "dry",
        title: "DRY's memory",
        about: "How many of the last tokens DRY searches, the prompt's included; -1 is all.",
        least: -1.0,
        most: 4096.0,
        notch: 1.0,
        neutral: -1.0,
        default: -1.0,
        possible: [-1.0, MANY],
        range: LAST,
        is_whole: true,
        ..RARE
    },
    Described {
        name: "top_n_sigma",
        sampler: "top_n_sigma",
        title: "top-n-sigma",
        about: "Keeps logits within so many standard deviations of the largest; 0 keeps all.",
        most: 5.0,
        // As llama.cpp, which has -1 for off.
        possible: [-1.0, LARGEST],
        range: "a number of standard deviations is 0 (keeps all) or above it, such as 1",
        ..RARE
    },
    Described {
        name: "top_k",
        sampler: "top_k",
        title: "top-k",
        about: "Keeps the k likeliest; 0 keeps all.",
        most: 100.0,
        notch: 1.0,
        default: 40.0,
        is_main: true,
        possible: [0.0, LARGEST],
        range: "a number of tokens is whole and not negative; 0 keeps all",
        is_whole: true,
        ..RARE
    },
    Described {
        name: "typical",
        sampler: "typ_p",
        title: "typical",
        about: "Keeps those whose surprise is nearest to the expected one, up to this share of the \
                probability; 1 keeps all.",
        neutral: 1.0,
        default: 1.0,
        ..RARE
    },
    Described {
        name: "top_p",
        sampler: "top_p",
        title: "top-p",
        about: "Keeps the fewest likeliest that together have this share of the probability; 1 \
                keeps all.",
        neutral: 1.0,
        default: 0.95,
        is_main: true,
        ..RARE
    },
    Described {
        name: "min_p",
        sampler: "min_p",
        title: "min-p",
        about: "Keeps those at least this share as likely as the likeliest; 0 keeps all.",
        default: 0.05,
        is_main: true,
        range: "a share of the largest probability is between 0 and 1, such as 0.05",
        ..RARE
    },
    Described {
        name: "xtc_probability",
        sampler: "xtc",
        title: "XTC",
        about: "How often the top choices but the last of them are taken away, for variety; 0 never.",
        ..RARE
    },
    Described {
        name: "xtc_threshold",
        sampler: "xtc",
        title: "XTC's threshold",
        about: "The probability from which XTC counts a token as a top choice; above 0.5 nothing is.",
        most: 0.5,
        neutral: 0.1,
        default: 0.1,
        ..RARE
    },
    Described {
        name: "temperature",
        sampler: "temperature",
        title: "temperature",
        about: "Divides the logits: below 1 the likely become likelier, above 1 the odds even out; \
                0 always takes the likeliest.",
        most: 2.0,
        notch: 0.05,
        neutral: 1.0,
        default: 0.8,
        is_main: true,
        possible: [0.0, LARGEST],
        range: "a temperature is 0 (always the likeliest token) or a number above it, such as 0.8",
        ..RARE
    },
    Described {
        name: "dynatemp_range",
        sampler: "temperature",
        title: "temperature's range",
        about: "How far the temperature moves down where one token is nearly certain, and up where \
                many are as likely; 0 not at all.",
        most: 2.0,
        notch: 0.05,
        possible: [0.0, 1e6],
        range: "a range is 0 (a fixed temperature) or a number above it, such as 0.5",
        ..RARE
    },
    Described {
        name: "dynatemp_exp",
        sampler: "temperature",
        title: "range's exponent",
        about: "The power of the entropy that the temperature moves with.",
        least: 0.1,
        most: 3.0,
        notch: 0.1,
        neutral: 1.0,
        default: 1.0,
        possible: [0.0, 1e6],
        range: "an exponent is not negative, such as 1",
        ..RARE
    },
    Described {
        name: "mirostat",
        sampler: "mirostat",
        title: "Mirostat",
        about: "Keeps the surprise of the text near a target, in place of every sampler but the \
                temperature: version 1 or 2; 0 is off.",
        most: 2.0,
        notch: 1.0,
        possible: [0.0, 2.0],
        range: "Mirostat is 0 (off), 1 or 2",
        is_whole: true,
        ..RARE
    },
    Described {
        name: "mirostat_ent",
        sampler: "mirostat",
        title: "Mirostat's target",
        about: "Bits of surprise that Mirostat aims at.",
        most: 10.0,
        notch: 0.1,
        neutral: 5.0,
        default: 5.0,
        possible: [0.0, 1e6],
        range: "a surprise is not negative, such as 5",
        ..RARE
    },
    Described {
        name: "mirostat_lr",
        sampler: "mirostat",
        title: "Mirostat's rate",
        about: "How fast Mirostat's bound follows what was drawn.",
        neutral: 0.1,
        default: 0.1,
        range: "a learning rate is between 0 and 1, such as 0.1",
        ..RARE
    },
];

/// Where a number stands in the settings.
enum Place<'a> {
    Number(&'a mut f64),
    Count(&'a mut usize),
    Last(&'a mut i64),
}

impl Settings {
    /// Sets a number by the name that [`SAMPLERS`] gives it, or refuses it by that name.
    pub fn set(&mut self, name: &str, value: f64) -> Result<()> {
        let described = SAMPLERS.iter().find(|sampler| sampler.name == name);
        let (Some(described), Some(place)) = (described, self.place(name)) else {
            let known: Vec<&str> = SAMPLERS.iter().map(|sampler| sampler.name).collect();
            return Err(Refusal::user(format!(
                "there is no sampler {name:?}; there are {}",
                known.join(", ")
            )));
        };
        if described.is_whole && value.fract() != 0.0 {
            return Err(refuse(described, value));
        }
        match place {
            Place::Number(number) => *number = value,
            Place::Count(count) if value >= 0.0 => *count = value as usize,
            Place::Last(last) if value >= -1.0 => *last = value as i64,
            _ => return Err(refuse(described, value)),
        }
        Ok(())
    }

    /// Refuses values that are not possible.
    pub(super) fn check(&self) -> Result<()> {
        let mut settings = self.clone();
        for described in &SAMPLERS {
            let value = match settings.place(described.name) {
                Some(Place::Number(number)) => *number,
                Some(Place::Count(count)) => *count as f64,
                Some(Place::Last(last)) => *last as f64,
                None => continue,
            };
            // Written so that NaN is refused too.
            if !(described.possible[0] <= value && value <= described.possible[1]) {
                return Err(refuse(described, value));
            }
        }
        for (id, bias) in &self.words.biases {
            if bias.is_nan() || *bias == f64::INFINITY {
                return Err(Refusal::user(format!(
                    "--logit-bias {id}: a bias is a number, or -inf to ban the token, not {bias}"
                )));
            }
        }
        Ok(())
    }

    fn place(&mut self, name: &str) -> Option<Place<'_>> {
        use Place::{Count, Last, Number};
        Some(match name {
            "temperature" => Number(&mut self.temperature),
            "dynatemp_range" => Number(&mut self.dynatemp_range),
            "dynatemp_exp" => Number(&mut self.dynatemp_exp),
            "top_k" => Count(&mut self.top_k),
            "top_p" => Number(&mut self.top_p),
            "min_p" => Number(&mut self.min_p),
            "typical" => Number(&mut self.typical),
            "top_n_sigma" => Number(&mut self.top_n_sigma),
            "xtc_probability" => Number(&mut self.xtc_probability),
            "xtc_threshold" => Number(&mut self.xtc_threshold),
            "repeat_penalty" => Number(&mut self.repeat_penalty),
            "presence_penalty" => Number(&mut self.presence_penalty),
            "frequency_penalty" => Number(&mut self.frequency_penalty),
            "repeat_last_n" => Last(&mut self.repeat_last_n),
            "dry_multiplier" => Number(&mut self.dry_multiplier),
            "dry_base" => Number(&mut self.dry_base),
            "dry_allowed_length" => Count(&mut self.dry_allowed_length),
            "dry_penalty_last_n" => Last(&mut self.dry_penalty_last_n),
            "mirostat" => Count(&mut self.mirostat),
            "mirostat_ent" => Number(&mut self.mirostat_ent),
            "mirostat_lr" => Number(&mut self.mirostat_lr),
            _ => return None,
        })
    }
}

fn refuse(described: &Described, value: f64) -> Refusal {
    Refusal::user(format!("{} {value}: {}", described.argument(), described.range))
}

#[cfg(test)]
mod tests {
    use super::{super::Link, *};

    #[test]
    fn every_described_number_can_be_set_and_changes_nothing_when_neutral() {
        let mut settings = Settings::usual(0);
        for sampler in SAMPLERS {
            let possible = sampler.possible[0]..=sampler.possible[1];
            for value in [sampler.least, sampler.most, sampler.neutral, sampler.default] {
                assert!(possible.contains(&value), "{}", sampler.name);
            }
            settings.set(sampler.name, sampler.neutral).unwrap();
            let known = Link::ORDER.iter().any(|link| link.name() == sampler.sampler);
            assert!(known || sampler.sampler == "mirostat", "{}", sampler.name);
        }
        assert_eq!(settings, Settings::plain(0));
        assert!(settings.steps().unwrap().is_empty());
    }

    #[test]
    fn what_people_set_first_makes_the_step_of_its_sampler() {
        for sampler in SAMPLERS.iter().filter(|sampler| sampler.is_main) {
            let mut alone = Settings::plain(0);
            alone.set(sampler.name, sampler.least.max(sampler.notch)).unwrap();
            assert_eq!(alone.steps().unwrap().first().unwrap().sampler(), sampler.sampler);
        }
    }

    #[test]
    fn what_cannot_be_set_is_refused_by_name() {
        let mut settings = Settings::plain(0);
        let said = settings.set("luck", 5.0).unwrap_err().to_string();
        assert!(
            said.starts_with("there is no sampler \"luck\"; there are repeat_penalty"),
            "{said}"
        );
        for value in [-1.0, 2.5, f64::NAN] {
            let said = settings.set("top_k", value).unwrap_err().to_string();
            assert!(said.starts_with(&format!("--top-k {value}: ")), "{said}");
        }
        assert!(settings.set("repeat_last_n", -2.0).is_err());
        assert!(settings.set("mirostat", 3.0).and_then(|()| settings.check()).is_err());
    }
}
