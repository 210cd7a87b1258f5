//! `--config FILE.toml`: arguments of `generate` and `chat` from a file, by their long names.
//!
//! A file's `temperature = 0.7` is `--temperature=0.7`; what is given on the command line, or by an
//! environment variable, goes first. (The file of `train` holds a whole run's settings instead.)

use std::{ffi::OsString, path::Path};

use clap::Command;
use lookback_files::{Refusal, Result, nearest, read_utf8};

/// The commands whose arguments a file may hold.
const COMMANDS: [&str; 2] = ["generate", "chat"];

/// The arguments with those of a file put behind the command's name.
pub(super) fn with_the_files(program: &Command, arguments: Vec<OsString>) -> Result<Vec<OsString>> {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let command = words.get(1).filter(|name| COMMANDS.contains(name));
    let Some(command) = command.and_then(|name| program.find_subcommand(name)) else {
        return Ok(arguments);
    };
    let Some(path) = value_of("--config", &words) else { return Ok(arguments) };
    let from_file = read(Path::new(path), command, &words).map_err(|refusal| refusal.at(path))?;
    let mut all = arguments;
    drop(all.splice(2..2, from_file));
    Ok(all)
}

/// The value behind `--name value` or `--name=value`.
fn value_of<'a>(name: &str, words: &[&'a str]) -> Option<&'a str> {
    let at = words.iter().position(|word| word.split('=').next() == Some(name))?;
    words[at].split_once('=').map(|(_, value)| value).or_else(|| words.get(at + 1).copied())
}

/// What a file says that nothing else does, as arguments.
fn read(path: &Path, command: &Command, words: &[&str]) -> Result<Vec<OsString>> {
    let text = read_utf8(path).map_err(|refusal| refusal.without(path))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        Refusal::user(format!("line {line}: {}", error.message().trim_end().replace('\n', " ")))
    })?;
    let mut arguments = Vec::new();
    for (key, value) in &table {
        let long = key.replace('_', "-");
        let argument = command.get_arguments().find(|argument| {
            argument.get_long() == Some(&*long)
                || argument.get_all_aliases().is_some_and(|all| all.contains(&&*long))
        });
        let Some(argument) =
            argument.filter(|argument| !["config", "help"].contains(&argument.get_id().as_str()))
        else {
            return Err(unknown(key, command));
        };
        let names = argument.get_long_and_visible_aliases().unwrap_or_default();
        let short = argument.get_short().map(|letter| format!("-{letter}"));
        let is_given = words.iter().skip(2).any(|word| {
            let name = word.split('=').next().unwrap_or_default();
            names.iter().any(|long| name.strip_prefix("--") == Some(long))
                || name.strip_prefix("--") == Some(&long)
                || short.as_ref().is_some_and(|short| word.starts_with(short.as_str()))
        });
        let in_environment =
            argument.get_env().is_some_and(|name| std::env::var_os(name).is_some());
        if is_given || in_environment {
            continue;
        }
        let takes_value = argument.get_action().takes_values();
        let one =
            |value: &toml::Value| as_word(value).map(|word| format!("--{long}={word}").into());
        match value {
            toml::Value::Boolean(true) if !takes_value => {
                arguments.push(format!("--{long}").into())
            }
            toml::Value::Boolean(false) if !takes_value => {}
            toml::Value::Array(values) => {
                let all: Option<Vec<OsString>> = values.iter().map(one).collect();
                arguments.extend(all.ok_or_else(|| mistaken(key))?);
            }
            _ if !takes_value => {
                return Err(Refusal::user(format!("{key} = {value}: true or false is needed")));
            }
            value => arguments.push(one(value).ok_or_else(|| mistaken(key))?),
        }
    }
    Ok(arguments)
}

fn as_word(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

fn mistaken(key: &str) -> Refusal {
    Refusal::user(format!("{key}: a number, a text, or a list of them is needed"))
}

/// `there is no setting tempreature; did you mean temperature? lookback generate --help has all`
fn unknown(key: &str, command: &Command) -> Refusal {
    let known = command.get_arguments().filter_map(clap::Arg::get_long);
    let known = known.filter(|long| *long != "config");
    let wanted = key.replace('_', "-");
    let hint = match nearest(&wanted, known) {
        Some(long) => format!("did you mean {}? ", long.replace('-', "_")),
        None => String::new(),
    };
    let name = command.get_name();
    Refusal::user(format!("there is no setting {key}; {hint}lookback {name} --help has all"))
}
