//! A mistake in the arguments as one sentence: what was wrong, and what to do.

use std::ffi::OsString;

use clap::{
    Command,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};
use lookback_files::Refusal;

use super::synonyms::{self, Meant};

/// `there is no argument --tempreature; did you mean --temperature? lookback generate --help says more`
///
/// `arguments` are what the user wrote, the program's name first.
pub(super) fn in_one_sentence(error: &Error, arguments: &[OsString]) -> Refusal {
    let (name, command) = command_of(arguments);
    let as_given = |argument: String| as_given(argument, &command, arguments);
    let words = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => vec![bare(word)],
        Some(ContextValue::Strings(words)) => words.iter().map(|word| bare(word)).collect(),
        _ => Vec::new(),
    };
    let word = |kind| words(kind).join(", ");
    let all: Vec<String> = words(ContextKind::InvalidArg).into_iter().map(as_given).collect();
    let are = if all.len() > 1 { "are" } else { "is" };
    let argument = listed(&all, "and");
    let argument = if argument.is_empty() { "a command".to_owned() } else { argument };
    let value = word(ContextKind::InvalidValue);
    let why = || std::error::Error::source(error).map(|why| without_rust(&why.to_string()));
    let all_commands = built();
    if let Some(typed) = mistyped(error, arguments, &value) {
        match synonyms::option(&typed, &name, &command, &all_commands) {
            Some(Meant::Typed(ours)) => {
                return Refusal::user(format!(
                    "there is no argument {typed}; did you mean {ours}? {name} --help says more"
                ));
            }
            Some(Meant::Phrase(phrase)) => {
                return Refusal::user(format!(
                    "there is no argument {typed}; {phrase}; see {name} --help"
                ));
            }
            None => {}
        }
    }
    let what = match error.kind() {
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            let has_texts = command.get_arguments().any(|known| {
                known.get_value_names().is_some_and(|names| names.iter().any(|name| name == "TEXT"))
            });
            let quotes = "; a text of several words stands in quotes";
            let hint = if has_texts { quotes } else { "" };
            format!("there is no place for {argument:?}{hint}")
        }
        ErrorKind::UnknownArgument => format!("there is no argument {argument}"),
        ErrorKind::InvalidSubcommand => {
            format!("there is no command {}", word(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => format!("{argument} {are} missing"),
        ErrorKind::MissingSubcommand => "a command is missing".to_owned(),
        ErrorKind::InvalidValue if value.is_empty() => format!("{argument} needs a value"),
        // The place that takes nothing but a dash.
        ErrorKind::ValueValidation if argument == "-" => {
            format!("there is no place for {value:?}: {}", why().unwrap_or_default())
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let why = why().map_or(String::new(), |why| format!(": {why}"));
            format!("{argument} cannot be {value:?}{why}")
        }
        ErrorKind::ArgumentConflict => {
            let others = words(ContextKind::PriorArg).into_iter().map(as_given);
            match others.collect::<Vec<_>>().join(", ") {
                others if others == argument => format!("{argument} is given twice"),
                others if others.is_empty() => format!("{argument} cannot stand beside the others"),
                others => format!("{argument} cannot stand beside {others}"),
            }
        }
        _ => plainly(error),
    };
    // What clap suggests sounds alike and may mean something else.
    let typed = word(ContextKind::InvalidSubcommand);
    let is_unknown = error.kind() == ErrorKind::InvalidSubcommand;
    if let Some(meant) = synonyms::command(&typed, &name, &command).filter(|_| is_unknown) {
        return Refusal::user(format!("{what}; did you mean {meant}? {name} --help says more"));
    }
    let possible = [ContextKind::ValidValue, ContextKind::ValidSubcommand];
    let possible = possible.into_iter().map(words).find(|words| !words.is_empty());
    let possible = possible.map(|words| format!("it can be {}; ", listed(&words, "or")));
    Refusal::user(format!("{what}; {}see {name} --help", possible.unwrap_or_default()))
}

/// The option that there is not, as it was typed; also one of several letters after a single dash, which
/// clap reads as an option of one letter and its value.
fn mistyped(error: &Error, arguments: &[OsString], value: &str) -> Option<String> {
    if error.kind() == ErrorKind::UnknownArgument {
        let unknown = error.get(ContextKind::InvalidArg);
        let Some(ContextValue::String(word)) = unknown else { return None };
        // Of `-xyz` clap names `-x`.
        let word = word.split('=').next().unwrap_or_default();
        let is_begun = |typed: &&str| typed.starts_with(word) && !typed.starts_with("--");
        let typed = arguments.iter().filter_map(|typed| typed.to_str()).find(is_begun);
        let typed = typed.filter(|_| !word.starts_with("--")).unwrap_or(word);
        return typed.starts_with('-').then(|| typed.split('=').next().unwrap_or(typed).to_owned());
    }
    let words = || arguments.iter().filter_map(|word| word.to_str());
    let is_read_so = |word: &&str| {
        let name = word.strip_prefix('-').filter(|name| !name.starts_with('-')).unwrap_or_default();
        name.len() > 2 && name.chars().all(|letter| letter.is_ascii_alphabetic() || letter == '-')
    };
    let typed = words().find(is_read_so)?;
    // Its first letter was an option, and the others its value; or else what came after it had no place.
    let is_its_value = typed.get(2..) == Some(value);
    let is_before = words().skip_while(|word| *word != typed).nth(1) == Some(value);
    (is_its_value || is_before).then(|| typed.to_owned())
}

/// `a, b or c`
fn listed(words: &[String], before_last: &str) -> String {
    match words {
        [all @ .., last] if !all.is_empty() => {
            format!("{} {before_last} {last}", all.join(", "))
        }
        words => words.concat(),
    }
}

/// `-n` of `--tokens` where that was written, and `LOOKBACK_SEED` of `--seed` where that variable gave
/// it, and no argument did.
fn as_given(argument: String, command: &Command, arguments: &[OsString]) -> String {
    let Some(long) = argument.strip_prefix("--") else { return argument };
    let words = || arguments.iter().filter_map(|word| word.to_str());
    if words().any(|word| word.split('=').next() == Some(&argument)) {
        return argument;
    }
    let known = command.get_arguments().find(|known| known.get_long() == Some(long));
    let short = known.and_then(clap::Arg::get_short).map(|letter| format!("-{letter}"));
    if let Some(short) = short.filter(|short| words().any(|word| word.starts_with(&**short))) {
        return short;
    }
    let variable =
        known.and_then(clap::Arg::get_env).filter(|name| std::env::var_os(name).is_some());
    variable.map_or(argument, |variable| variable.to_string_lossy().into_owned())
}

/// `--seed` of `--seed <S>`, and `TEXT` of `<TEXT>...`.
fn bare(word: &str) -> String {
    match word.starts_with('-') && word.len() > 1 {
        true => word.split(' ').next().unwrap_or(word).to_owned(),
        false => word.trim_end_matches("...").trim_matches(['<', '>', '[', ']']).to_owned(),
    }
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
        "invalid float literal" => "it is not a number".to_owned(),
        "cannot parse integer from empty string" | "cannot parse float from empty string" => {
            "it is empty".to_owned()
        }
        why => match why.split_once(" is not in ").and_then(|(_, range)| range.split_once("..=")) {
            Some((first, last)) => format!("it must be from {first} to {last}"),
            None => why.to_owned(),
        },
    }
}

/// The program, each command with the options that all have.
fn built() -> Command {
    let mut program = super::program();
    program.build();
    program
}

/// `lookback generate` of `lookback generate model --seed x`, as much as names a command; and that command.
fn command_of(arguments: &[OsString]) -> (String, Command) {
    let mut command = built();
    let mut name = "lookback".to_owned();
    for argument in arguments.iter().skip(1) {
        let Some(inner) = command.find_subcommand(argument) else { break };
        name = format!("{name} {}", inner.get_name());
        command = inner.clone();
    }
    (name, command)
}
