//! A mistake in the arguments as one sentence: what was wrong, and what to do.

use std::ffi::OsString;

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};
use lookback_files::Refusal;

use super::Asked;

/// `there is no argument --tempreature; did you mean --temperature, see lookback generate --help`
///
/// `arguments` are what the user wrote, the program's name first.
pub(super) fn in_one_sentence(error: &Error, arguments: &[OsString]) -> Refusal {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(bare(word).to_owned()),
        Some(ContextValue::Strings(words)) if !words.is_empty() => {
            Some(words.iter().map(|word| bare(word)).collect::<Vec<_>>().join(", "))
        }
        _ => None,
    };
    let argument = word(ContextKind::InvalidArg).filter(|word| !word.is_empty());
    let argument = argument.map(|argument| as_given(argument, arguments));
    let argument = argument.unwrap_or_else(|| "a command".to_owned());
    let value = word(ContextKind::InvalidValue).unwrap_or_default();
    let command = word(ContextKind::InvalidSubcommand).unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::UnknownArgument => format!("there is no argument {argument}"),
        ErrorKind::InvalidSubcommand => format!("there is no command {command}"),
        ErrorKind::MissingRequiredArgument => format!("{argument} is missing"),
        ErrorKind::MissingSubcommand => "a command is missing".to_owned(),
        ErrorKind::InvalidValue if value.is_empty() => format!("{argument} needs a value"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error);
            let why = why.map(|why| format!(": {}", without_rust(&why.to_string())));
            format!("{argument} cannot be {value:?}{}", why.unwrap_or_default())
        }
        ErrorKind::ArgumentConflict => match word(ContextKind::PriorArg)
            .map(|others| {
                others.split(", ").map(|one| as_given(one.to_owned(), arguments)).collect()
            })
            .map(|others: Vec<_>| others.join(", "))
        {
            Some(other) if other == argument => format!("{argument} is given twice"),
            Some(other) => format!("{argument} cannot stand beside {other}"),
            None => format!("{argument} cannot stand beside the others"),
        },
        _ => plainly(error),
    };
    let instead = [
        (ContextKind::SuggestedArg, "did you mean"),
        (ContextKind::SuggestedSubcommand, "did you mean"),
        (ContextKind::ValidValue, "it can be"),
        (ContextKind::ValidSubcommand, "it can be"),
    ];
    let hint = instead
        .iter()
        .find_map(|(kind, words)| word(*kind).map(|instead| format!("{words} {instead}, ")));
    let hint = hint.unwrap_or_default();
    Refusal::user(format!("{what}; {hint}see {} --help", command_of(arguments)))
}

/// `LOOKBACK_SEED` of `--seed` where that variable gave it, and no argument did.
fn as_given(argument: String, arguments: &[OsString]) -> String {
    let Some(long) = argument.strip_prefix("--") else { return argument };
    let variable = format!("LOOKBACK_{}", long.replace('-', "_").to_uppercase());
    let is_argument = arguments.iter().filter_map(|word| word.to_str()).any(|word| {
        word.split('=').next() == Some(&argument)
            // -q is --quiet: no two options of a command begin with the same letter.
            || (word.starts_with('-') && !word.starts_with("--") && word[1..].starts_with(&long[..1]))
    });
    if !is_argument && std::env::var_os(&variable).is_some() { variable } else { argument }
}

/// `--seed` of `--seed <S>`.
fn bare(word: &str) -> &str {
    if word.starts_with('-') { word.split(' ').next().unwrap_or(word) } else { word }
}

/// The first line that clap would print, without its `error: `.
fn plainly(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).trim_end_matches('.').to_owned()
}

/// Why a number cannot be read, in words of the manual.
fn without_rust(why: &str) -> String {
    match why {
        "invalid digit found in string" => "it is no whole number, 0 or above".to_owned(),
        "number too large to fit in target type" => "it is too large".to_owned(),
        "invalid float literal" => "it is no number".to_owned(),
        "cannot parse integer from empty string" | "cannot parse float from empty string" => {
            "it is empty".to_owned()
        }
        why => why.replace("is not in", "is not among"),
    }
}

/// `lookback generate` of `lookback generate model --seed x`: as much as names a command.
fn command_of(arguments: &[OsString]) -> String {
    let mut name = "lookback".to_owned();
    let mut commands = Asked::command();
    for argument in arguments.iter().skip(1) {
        let Some(inner) = commands.find_subcommand(argument) else { break };
        name = format!("{name} {}", inner.get_name());
        commands = inner.clone();
    }
    name
}
