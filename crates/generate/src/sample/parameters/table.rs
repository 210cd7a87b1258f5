//! Every number of every sampler: its name, its range, and what it does.

use super::SamplerParameter;

const LARGEST: f64 = f64::MAX;
const MANY: f64 = u32::MAX as f64;
const SHARE: &str = "a share of the probability is between 0 and 1, such as 0.95";
const LAST: &str = "a number of tokens is whole and not negative; -1 is all, and 0 none";

/// A number of a sampler that does nothing unless asked for.
const RARE: SamplerParameter = SamplerParameter {
    name: "",
    sampler: "",
    title: "",
    about: "",
    min: 0.0,
    max: 1.0,
    step: 0.01,
    neutral: 0.0,
    default: 0.0,
    is_main: false,
    possible: [0.0, 1.0],
    range: SHARE,
    is_whole: false,
};

/// Every number, in the order of the chain.
pub const SAMPLER_PARAMETERS: [SamplerParameter; 21] = [
    SamplerParameter {
        name: "repeat_penalty",
        sampler: "penalties",
        title: "repeat penalty",
        about: "Divides the positive logits of tokens said lately, and multiplies their negative \
                ones; 1 changes nothing.",
        min: 1.0,
        max: 2.0,
        neutral: 1.0,
        default: 1.0,
        possible: [1e-6, 1e6],
        range: "a penalty on repeated tokens is above 0, such as 1.1",
        ..RARE
    },
    SamplerParameter {
        name: "presence_penalty",
        sampler: "penalties",
        title: "presence penalty",
        about: "Taken off the logit of each token said lately; 0 changes nothing.",
        min: -2.0,
        max: 2.0,
        possible: [-1e6, 1e6],
        range: "a penalty is a number, mostly between -2 and 2",
        ..RARE
    },
    SamplerParameter {
        name: "frequency_penalty",
        sampler: "penalties",
        title: "frequency penalty",
        about: "Taken off the logit of a token for each time that it was said lately; 0 changes \
                nothing.",
        min: -2.0,
        max: 2.0,
        possible: [-1e6, 1e6],
        range: "a penalty is a number, mostly between -2 and 2",
        ..RARE
    },
    SamplerParameter {
        name: "repeat_last_n",
        sampler: "penalties",
        title: "penalised tokens",
        about: "How many of the last tokens the three penalties look back on, the prompt's \
                included; -1 is all.",
        min: 0.0,
        max: 512.0,
        step: 1.0,
        neutral: 64.0,
        default: 64.0,
        possible: [-1.0, MANY],
        range: LAST,
        is_whole: true,
        ..RARE
    },
    SamplerParameter {
        name: "dry_multiplier",
        sampler: "dry",
        title: "DRY",
        about: "Makes tokens less likely that go on a phrase said before, the longer the less: \
                takes multiplier · base^(length - allowed) off; 0 changes nothing.",
        max: 5.0,
        possible: [0.0, 1e6],
        range: "a multiplier is 0 (off) or a number above it, such as 0.8",
        ..RARE
    },
    SamplerParameter {
        name: "dry_base",
        sampler: "dry",
        title: "DRY's base",
        about: "By how much DRY makes each further token of a repetition worse.",
        min: 1.0,
        max: 4.0,
        neutral: 1.75,
        default: 1.75,
        possible: [1.0, 1e6],
        range: "a base is at least 1, such as 1.75",
        ..RARE
    },
    SamplerParameter {
        name: "dry_allowed_length",
        sampler: "dry",
        title: "DRY's allowance",
        about: "Tokens of a repetition that cost nothing yet.",
        max: 20.0,
        step: 1.0,
        neutral: 2.0,
        default: 2.0,
        possible: [0.0, MANY],
        range: "a number of tokens is whole and not negative",
        is_whole: true,
        ..RARE
    },
    SamplerParameter {
        name: "dry_penalty_last_n",
        sampler: "dry",
        title: "DRY's memory",
        about: "How many of the last tokens DRY searches, the prompt's included; -1 is all.",
        min: -1.0,
        max: 4096.0,
        step: 1.0,
        neutral: -1.0,
        default: -1.0,
        possible: [-1.0, MANY],
        range: LAST,
        is_whole: true,
        ..RARE
    },
    SamplerParameter {
        name: "top_n_sigma",
        sampler: "top_n_sigma",
        title: "top-n-sigma",
        about: "Keeps logits within so many standard deviations of the largest; 0 keeps all.",
        max: 5.0,
        // As llama.cpp, which has -1 for off.
        possible: [-1.0, LARGEST],
        range: "a number of standard deviations is 0 (keeps all) or above it, such as 1",
        ..RARE
    },
    SamplerParameter {
        name: "top_k",
        sampler: "top_k",
        title: "top-k",
        about: "Keeps the k likeliest; 0 keeps all.",
        max: 100.0,
        step: 1.0,
        default: 40.0,
        is_main: true,
        possible: [0.0, LARGEST],
        range: "a number of tokens is whole and not negative; 0 keeps all",
        is_whole: true,
        ..RARE
    },
    SamplerParameter {
        name: "typical",
        sampler: "typ_p",
        title: "typical",
        about: "Keeps those whose surprisal is nearest to the entropy, up to this share of the \
                probability; 1 keeps all.",
        neutral: 1.0,
        default: 1.0,
        ..RARE
    },
    SamplerParameter {
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
    SamplerParameter {
        name: "min_p",
        sampler: "min_p",
        title: "min-p",
        about: "Keeps those at least this share as likely as the likeliest; 0 keeps all.",
        default: 0.05,
        is_main: true,
        range: "a share of the largest probability is between 0 and 1, such as 0.05",
        ..RARE
    },
    SamplerParameter {
        name: "xtc_probability",
        sampler: "xtc",
        title: "XTC",
        about: "How often the top choices but the last of them are taken away, for variety; 0 never.",
        ..RARE
    },
    SamplerParameter {
        name: "xtc_threshold",
        sampler: "xtc",
        title: "XTC's threshold",
        about: "The probability from which XTC counts a token as a top choice; above 0.5 nothing is.",
        max: 0.5,
        neutral: 0.1,
        default: 0.1,
        ..RARE
    },
    SamplerParameter {
        name: "temperature",
        sampler: "temperature",
        title: "temperature",
        about: "Divides the logits: below 1 the likely become likelier, above 1 the odds even out; \
                0 always takes the likeliest.",
        max: 2.0,
        step: 0.05,
        neutral: 1.0,
        default: 0.8,
        is_main: true,
        possible: [0.0, LARGEST],
        range: "a temperature is 0 (always the likeliest token) or a number above it, such as 0.8",
        ..RARE
    },
    SamplerParameter {
        name: "dynatemp_range",
        sampler: "temperature",
        title: "temperature's range",
        about: "How far the temperature moves down where one token is nearly certain, and up where \
                many are as likely; 0 not at all.",
        max: 2.0,
        step: 0.05,
        possible: [0.0, 1e6],
        range: "a range is 0 (a fixed temperature) or a number above it, such as 0.5",
        ..RARE
    },
    SamplerParameter {
        name: "dynatemp_exp",
        sampler: "temperature",
        title: "range's exponent",
        about: "The power of the entropy that the temperature moves with.",
        min: 0.1,
        max: 3.0,
        step: 0.1,
        neutral: 1.0,
        default: 1.0,
        possible: [0.0, 1e6],
        range: "an exponent is not negative, such as 1",
        ..RARE
    },
    SamplerParameter {
        name: "mirostat",
        sampler: "mirostat",
        title: "Mirostat",
        about: "Keeps the surprisal of the text near a target, in place of every sampler but the \
                temperature: version 1 or 2; 0 is off.",
        max: 2.0,
        step: 1.0,
        possible: [0.0, 2.0],
        range: "Mirostat is 0 (off), 1 or 2",
        is_whole: true,
        ..RARE
    },
    SamplerParameter {
        name: "mirostat_ent",
        sampler: "mirostat",
        title: "Mirostat's target",
        about: "Bits of surprisal that Mirostat aims at.",
        max: 10.0,
        step: 0.1,
        neutral: 5.0,
        default: 5.0,
        possible: [0.0, 1e6],
        range: "a surprisal is not negative, such as 5",
        ..RARE
    },
    SamplerParameter {
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
