//! `--config FILE.toml`, or `LOOKBACK_CONFIG`: options of a command from a file, by their long names.
//!
//! A file's `temperature = 0.7` is `--temperature=0.7`; what is given on the command line, or by an
//! environment variable of its own, goes first. The file of `train` holds the settings of a run beside
//! them. A file that the environment names is every command's: settings of other commands are skipped.

use std::{
    ffi::{OsStr, OsString},
    ops::Range,
    path::{Path, PathBuf},
};

use clap::{Arg, Command};
use lookback_files::{Refusal, Result, nearest, read_utf8};
use toml::de::DeTable;

/// The file of options, and who named it.
struct Named {
    path: PathBuf,
    /// Whether the environment named it, for whatever command.
    for_all: bool,
}

/// The arguments with those of a file put behind the command's name.
pub(super) fn with_the_files(program: &Command, arguments: Vec<OsString>) -> Result<Vec<OsString>> {
    let Some(named) = named(&arguments) else { return Ok(arguments) };
    let mut program = program.clone();
    // So that each command has the options that all have.
    program.build();
    let (mut command, mut begin) = (&program, 1);
    while let Some(inner) = arguments.get(begin).and_then(|word| command.find_subcommand(word)) {
        (command, begin) = (inner, begin + 1);
    }
    if command.get_subcommands().next().is_some() && begin > 1 {
        // `lookback tokenizer` alone is a mistake, which is reported as one.
        return Ok(arguments);
    }
    let words: Vec<&str> = arguments.iter().skip(begin).filter_map(|word| word.to_str()).collect();
    let file = File { program: &program, command, for_all: named.for_all };
    let from_file =
        file.read(&named.path, &words).map_err(|refusal| refusal.at(named.path.display()))?;
    let mut all = arguments;
    drop(all.splice(begin..begin, from_file));
    Ok(all)
}

/// The settings of a run in a file of `lookback train`, without the options that stand beside them; each
/// in its own line still.
pub(crate) fn settings_of(path: &Path) -> Result<String> {
    let mut text = read_utf8(path)?;
    let mut program = super::program();
    program.build();
    let Some(command) = program.find_subcommand("train") else { return Ok(text) };
    let is_given =
        std::env::var_os("LOOKBACK_CONFIG").is_some_and(|named| Path::new(&named) == path);
    let file = File { program: &program, command, for_all: is_given };
    for option in options_in(&text, &file) {
        // As many bytes, so that what stands behind them keeps its place.
        let blank = |byte| if byte == b'\n' { '\n' } else { ' ' };
        let blank: String = text[option.clone()].bytes().map(blank).collect();
        text.replace_range(option, &blank);
    }
    Ok(text)
}

/// Where the options stand in a file of settings; nowhere in one with a mistake, which is reported where
/// the settings.
fn options_in(text: &str, file: &File<'_>) -> Vec<Range<usize>> {
    let Ok(table) = DeTable::parse(text) else { return Vec::new() };
    let is_option = |name: &str| {
        let is_passed_over = file.for_all && file.is_known_elsewhere(name);
        !is_setting(name) && (find(file.command, name).is_some() || is_passed_over)
    };
    let options = table.get_ref().iter().filter(|(key, _)| is_option(key.get_ref()));
    options.map(|(key, value)| key.span().start..value.span().end).collect()
}

/// Whether a run has such a setting.
fn is_setting(key: &str) -> bool {
    key == "model"
        || lookback_train::preset("tiny")
            .and_then(|recipe| recipe.to_toml())
            .is_ok_and(|text| text.lines().any(|line| line.split(" = ").next() == Some(key)))
}

/// The file that the arguments name, or else the environment.
fn named(arguments: &[OsString]) -> Option<Named> {
    let at = arguments.iter().position(|word| {
        word == "--config" || word.to_str().is_some_and(|word| word.starts_with("--config="))
    });
    let Some(at) = at else {
        let path = std::env::var_os("LOOKBACK_CONFIG").filter(|path| !path.is_empty())?;
        return Some(Named { path: path.into(), for_all: true });
    };
    let joined = arguments[at].to_str().and_then(|word| word.strip_prefix("--config="));
    let path = joined.map(OsStr::new).or_else(|| arguments.get(at + 1).map(OsString::as_os_str))?;
    Some(Named { path: path.into(), for_all: false })
}

/// The option that a key of a file names.
fn find<'c>(command: &'c Command, key: &str) -> Option<&'c Arg> {
    let long = key.replace('_', "-");
    command.get_arguments().find(|argument| {
        let is_it = argument.get_long() == Some(&*long)
            || argument.get_all_aliases().is_some_and(|all| all.contains(&&*long));
        is_it && !["config", "help", "version"].contains(&argument.get_id().as_str())
    })
}

/// A file of options, as one command reads it.
struct File<'c> {
    program: &'c Command,
    command: &'c Command,
    for_all: bool,
}

impl File<'_> {
    /// What it says that nothing else does, as arguments. `words` are what the user wrote.
    fn read(&self, path: &Path, words: &[&str]) -> Result<Vec<OsString>> {
        let text = read_utf8(path).map_err(|refusal| refusal.without(path))?;
        let is_train = self.command.get_name() == "train";
        let table: toml::Table = match toml::from_str(&text) {
            Ok(table) => table,
            // Told by who reads the settings.
            Err(_) if is_train => return Ok(Vec::new()),
            Err(error) => {
                let line =
                    error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
                let message = error.message().trim_end().replace('\n', " ");
                return Err(Refusal::user(format!("line {line}: {message}")));
            }
        };
        let mut arguments = Vec::new();
        for (key, value) in &table {
            if is_train && is_setting(key) {
                continue;
            }
            let Some(argument) = find(self.command, key) else {
                // What is neither is told by who reads the settings.
                if is_train || self.for_all && self.is_known_elsewhere(key) {
                    continue;
                }
                return Err(self.unknown(key));
            };
            if !is_given(argument, words) {
                arguments.extend(as_arguments(argument, key, value)?);
            }
        }
        Ok(arguments)
    }

    /// Whether another command has such an option, or a run such a setting.
    fn is_known_elsewhere(&self, key: &str) -> bool {
        fn has(command: &Command, key: &str) -> bool {
            find(command, key).is_some() || command.get_subcommands().any(|inner| has(inner, key))
        }
        has(self.program, key) || is_setting(key)
    }

    /// `there is no setting tempreature; did you mean temperature? lookback generate --help has all`
    fn unknown(&self, key: &str) -> Refusal {
        let known = self.command.get_arguments().filter_map(Arg::get_long);
        let known = known.filter(|long| !["config", "help", "version"].contains(long));
        let wanted = key.replace('_', "-");
        let hint = match nearest(&wanted, known) {
            Some(long) => format!("did you mean {}? ", long.replace('-', "_")),
            None => String::new(),
        };
        let name = match self.command.get_name() {
            "lookback" => "lookback".to_owned(),
            name => match self.program.find_subcommand("tokenizer") {
                Some(group)
                    if group.find_subcommand(name).is_some()
                        && self.program.find_subcommand(name).is_none() =>
                {
                    format!("lookback tokenizer {name}")
                }
                _ => format!("lookback {name}"),
            },
        };
        Refusal::user(format!("there is no setting {key}; {hint}{name} --help has all"))
    }
}

/// Whether the command line or the environment has it already.
fn is_given(argument: &Arg, words: &[&str]) -> bool {
    let longs = argument.get_long_and_visible_aliases().unwrap_or_default();
    let hidden = argument.get_all_aliases().unwrap_or_default();
    let short = argument.get_short().map(|letter| format!("-{letter}"));
    let is_written = words.iter().any(|word| {
        let name = word.split('=').next().unwrap_or_default().strip_prefix("--");
        name.is_some_and(|name| longs.contains(&name) || hidden.contains(&name))
            || short.as_ref().is_some_and(|short| word.starts_with(short.as_str()))
    });
    is_written || argument.get_env().is_some_and(|name| std::env::var_os(name).is_some())
}

/// `--long=value`, as often as the file has one.
fn as_arguments(argument: &Arg, key: &str, value: &toml::Value) -> Result<Vec<OsString>> {
    let long = argument.get_long().unwrap_or_default();
    let takes_value = argument.get_action().takes_values();
    let one = |value: &toml::Value| {
        let word = as_word(value).map(|word| format!("--{long}={word}").into());
        word.ok_or_else(|| {
            Refusal::user(format!("{key}: a number, a text, or a list of them is needed"))
        })
    };
    match value {
        toml::Value::Boolean(true) if !takes_value => Ok(vec![format!("--{long}").into()]),
        toml::Value::Boolean(false) if !takes_value => Ok(Vec::new()),
        _ if !takes_value => {
            Err(Refusal::user(format!("{key} = {value}: true or false is needed")))
        }
        toml::Value::Array(values) => values.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

fn as_word(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}
