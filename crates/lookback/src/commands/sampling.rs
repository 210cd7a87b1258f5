//! How the next token is chosen: the arguments that `generate` and `chat` share.
//!
//! The numbers stand in one table, which the page, the API and these arguments are made from.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, parser::ValueSource, value_parser};
use lookback::Model;
use lookback_files::{Refusal, Result};
use lookback_generate::sample::{
    LogitBias, SAMPLER_PARAMETERS, SEQUENCE_BREAKERS, SamplerChain, SamplerKind, Settings,
    sequence_breakers,
};
use lookback_model::TokenId;
use lookback_text::Specials;

use crate::print::Print;

/// How the next token is chosen.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Choosing the next token")]
pub(crate) struct Sampling {
    /// Always takes the likeliest token; the same as --temperature 0.
    #[arg(long, conflicts_with_all = ["temperature", "top_k", "top_p", "min_p"])]
    greedy: bool,
    /// The draws follow from it: the same seed, model and prompt give the same text, on any machine.
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    numbers: Numbers,
    /// The samplers in their order, such as "top_k;top_p;temperature"; those left out do nothing.
    /// The usual order is llama.cpp's: penalties, dry, top_n_sigma, top_k, typ_p, top_p, min_p,
    /// xtc, temperature.
    #[arg(long, value_name = "A;B;C", hide_short_help = true)]
    samplers: Option<String>,
    /// Adds to the logit of a token: 15043+1, 15043-2.5, 15043-inf; may be given several times.
    #[arg(long, value_name = "ID+X", hide_short_help = true, allow_hyphen_values = true)]
    logit_bias: Vec<String>,
    /// Never writes this text, in the tokens that the tokenizer makes of it with and without a space
    /// before it; may be given several times.
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    ban: Vec<String>,
    /// Never chooses these tokens.
    #[arg(long, value_name = "1,2,3", value_delimiter = ',', hide_short_help = true)]
    ban_ids: Vec<u32>,
    /// Chooses among these tokens alone.
    #[arg(long, value_name = "1,2,3", value_delimiter = ',', hide_short_help = true)]
    only_ids: Option<Vec<u32>>,
    /// A text that interrupts a repetition for DRY, in place of the end of a line, ":", "\"" and "*";
    /// may be given several times.
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    dry_sequence_breaker: Option<Vec<String>>,
    /// Never chooses an end token of the model, as llama.cpp does.
    #[arg(long, hide_short_help = true)]
    ignore_eos: bool,
}

/// The numbers of the samplers that the user gave.
#[derive(Clone, Debug)]
struct Numbers(Vec<(&'static str, f64)>);

impl Args for Numbers {
    fn augment_args(command: Command) -> Command {
        let argument = |of: &lookback_generate::sample::SamplerParameter| {
            let alias = match of.name {
                "temperature" => Some("temp"),
                "typical" => Some("typical-p"),
                "top_n_sigma" => Some("top-nsigma"),
                _ => None,
            };
            Arg::new(of.name)
                .long(of.name.replace('_', "-"))
                .aliases(alias)
                .value_name(if of.is_whole { "N" } else { "X" })
                .help(of.about.trim_end_matches('.'))
                .value_parser(value_parser!(f64))
                .default_value(of.default.to_string())
                .allow_negative_numbers(true)
                .hide_short_help(!of.is_main)
        };
        // Those that most people need come first.
        let (main, rare): (Vec<_>, Vec<_>) = SAMPLER_PARAMETERS.iter().partition(|of| of.is_main);
        command.args(main.into_iter().chain(rare).map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Numbers {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_given = |name| matches.value_source(name) != Some(ValueSource::DefaultValue);
        let given = SAMPLER_PARAMETERS.iter().filter(|of| is_given(of.name));
        Ok(Self(given.filter_map(|of| Some((of.name, *matches.get_one(of.name)?))).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Sampling {
    /// Refuses what no model could make possible, before one is loaded.
    pub(crate) fn check(&self) -> Result<()> {
        SamplerChain::new(&self.numbers(Settings::usual(self.seed))?).map(drop)
    }

    /// The sampler that was asked for, at its first draw. What was not asked for the model's files may
    /// suggest, which is said.
    pub(crate) fn sampler(&self, model: &Model, print: &mut Print) -> Result<SamplerChain> {
        let mut settings = Settings::usual(self.seed);
        let is_given = |name: &str| {
            let is_named = self.numbers.0.iter().any(|(given, _)| *given == name);
            is_named
                || self.greedy && name == "temperature"
                || self.samplers.is_some() && name == "samplers"
        };
        let defaults = model.generation_defaults()?;
        let used = defaults.apply(&mut settings, is_given);
        let mut used = used.map_err(|refusal| refusal.at(model.path.display()))?;
        let mut settings = self.numbers(settings)?;
        let is_greedy = settings.temperature == 0.0;
        // Settings on which the likeliest token does not depend are not reported.
        let keeps = ["top_k", "top_p", "min_p", "typical", "xtc_probability", "xtc_threshold"];
        used.retain(|(name, _)| !(is_greedy && keeps.contains(name)));
        let mut asks: Vec<String> = used
            .iter()
            .map(|(name, value)| format!("--{} {value}", name.replace('_', "-")))
            .collect();
        if let (Some(order), None) = (&defaults.order, &self.samplers) {
            asks.push(format!("--samplers {order}"));
        }
        if !asks.is_empty() {
            print.warn(&format!(
                "the model's {} asks for {}; what is given here goes first",
                defaults.place,
                asks.join(" ")
            ));
        }
        if !defaults.ignored_keys.is_empty() {
            print.warn(&format!(
                "the model's {} names {}, which {} passed over",
                defaults.place,
                defaults.ignored_keys.join(", "),
                if defaults.ignored_keys.len() == 1 { "is" } else { "are" }
            ));
        }
        let LogitBias { biases, banned_sequences, allowed, .. } = self.words(model)?;
        (settings.logit_bias.biases, settings.logit_bias.allowed) = (biases, allowed);
        settings.logit_bias.banned_sequences.extend(banned_sequences);
        if settings.dry_multiplier > 0.0 {
            settings.dry_sequence_breakers = self.sequence_breakers(model)?;
        }
        SamplerChain::new(&settings)
    }

    fn numbers(&self, mut settings: Settings) -> Result<Settings> {
        for (name, value) in &self.numbers.0 {
            settings.set(name, *value)?;
        }
        if self.greedy {
            settings.temperature = 0.0;
        }
        if let Some(samplers) = &self.samplers {
            settings.order = SamplerKind::parse_all(samplers)?;
        }
        self.logit_bias.iter().try_for_each(|bias| parse_bias(bias).map(drop))?;
        Ok(settings)
    }

    fn words(&self, model: &Model) -> Result<LogitBias> {
        let mut words = LogitBias::default();
        for bias in &self.logit_bias {
            let (id, bias) = parse_bias(bias)?;
            words.biases.push((model.ids_of("logit_bias", &[id])?[0], bias));
        }
        let mut ban =
            |ids: &[TokenId]| words.banned_sequences.extend(ids.iter().map(|id| vec![*id]));
        ban(&model.ids_of("ban_ids", &self.ban_ids)?);
        if self.ignore_eos {
            ban(&model.eos());
        }
        for text in &self.ban {
            let tokenizer = model.tokenizer()?;
            let ids = tokenizer.encode_bare(text, Specials::Text);
            let ids = ids.map_err(|refusal| refusal.at(format!("--ban {text:?}")))?;
            // Not every vocabulary has a space.
            let spaced = tokenizer.encode_bare(&format!(" {text}"), Specials::Text);
            let both = [ids, spaced.unwrap_or_default()];
            words.banned_sequences.extend(both.into_iter().filter(|ids| !ids.is_empty()));
        }
        if let Some(only) = &self.only_ids {
            words.allowed = Some(model.ids_of("only_ids", only)?);
        }
        Ok(words)
    }

    fn sequence_breakers(&self, model: &Model) -> Result<Vec<TokenId>> {
        let Ok(tokenizer) = model.tokenizer() else { return Ok(Vec::new()) };
        let Some(texts) = &self.dry_sequence_breaker else {
            return Ok(sequence_breakers(tokenizer, &SEQUENCE_BREAKERS));
        };
        for text in texts {
            if text.is_empty() || sequence_breakers(tokenizer, &[text]).is_empty() {
                return Err(Refusal::user(format!(
                    "--dry-sequence-breaker {text:?}: no token of this model has it in it; give a \
                     shorter text"
                )));
            }
        }
        Ok(sequence_breakers(tokenizer, texts))
    }
}

/// `15043-2.5` as token 15043 and -2.5.
fn parse_bias(text: &str) -> Result<(u32, f64)> {
    let sign = text.find(['+', '-']).filter(|place| *place > 0);
    let parsed = sign.and_then(|place| {
        let (id, bias) = text.split_at(place);
        let bias: f64 = bias.parse().ok()?;
        (!bias.is_nan() && bias < f64::INFINITY).then_some((id.trim().parse().ok()?, bias))
    });
    parsed.ok_or_else(|| {
        Refusal::user(format!(
            "--logit-bias {text}: it is no token id with a number to add; write it as 15043+1 or \
             15043-inf"
        ))
    })
}
