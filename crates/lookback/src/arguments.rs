//! What the user asked for. Each command's own arguments stand in its file under `commands`.

mod config;
mod environment;
#[cfg(test)]
mod examples;
mod help;
mod mistakes;
mod synonyms;

pub(crate) use config::settings_of;

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Command as Arguments, CommandFactory, FromArgMatches, Parser, builder::FalseyValueParser,
    error::ErrorKind,
};
use lookback_files::Result;

use crate::{
    commands::Command,
    default_command::DefaultCommand,
    options::Machine,
    print::{Print, Verbosity},
};

/// Let every token look at the tokens before it: train, run and open a transformer.
///
/// Without a command it does its main job: it writes a small corpus, trains a transformer on it and
/// shows what happens inside. MODEL, wherever a command asks for one, is a directory with
/// config.json and model.safetensors, a .gguf file, a Hugging Face id already in the local cache
/// (HF_HOME), or "default", the model that the main job trains.
#[derive(Debug, Parser)]
#[command(name = "lookback", version, max_term_width = help::COLUMNS, after_help = EXAMPLES)]
#[command(disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub(crate) struct ParsedArguments {
    /// What to do; nothing is the main job.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) default_command: DefaultCommand,
    #[command(flatten)]
    pub(crate) machine: Machine,
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
    /// Takes options from a file, a line each, such as temperature = 0.7; those given here go first.
    #[arg(long, value_name = "FILE.toml", global = true)]
    pub(crate) config: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Exit codes: 0 done, 1 the machine or the program failed, 2 the input was refused, 130 interrupted.

Every --option may also stand in a file (--config FILE.toml, a line each, such as top_k = 20) or in the \
environment (LOOKBACK_TOP_K=20). The command line goes before the environment, and that before the file. \
The file that LOOKBACK_CONFIG names may hold options of several commands.

LOOKBACK_HOME is the folder in which the default model is kept [default: lookback in XDG_DATA_HOME or \
~/.local/share, on macOS in ~/Library/Application Support, on Windows in %LOCALAPPDATA%]. \
LOOKBACK_PATH=avx512|avx2|portable forces a set of instructions, which changes the speed and no bit of \
any result.

Results are exact in a file and in a pipe. On a terminal, control characters of texts and names are shown \
as escapes, such as \\u{1b}.

Examples:
  lookback
  lookback --no-serve
  lookback train my.txt --out runs/mine
  lookback generate runs/mine -p \"ROMEO:\"";

/// Reads the arguments. A help that was asked for is printed, and then there is nothing to do.
pub(crate) fn read(
    arguments: impl IntoIterator<Item = OsString>,
    print: &mut Print,
) -> Result<Option<ParsedArguments>> {
    let program = program();
    let arguments = config::with_the_files(&program, arguments.into_iter().collect())?;
    let parsed = program.try_get_matches_from(&arguments);
    match parsed.and_then(|matches| ParsedArguments::from_arg_matches(&matches)) {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                print.write(&help::balanced(&error.to_string()))?;
                Ok(None)
            }
            _ => Err(mistakes::in_one_sentence(&error, &arguments)),
        },
    }
}

/// The warning about variables that look like ours and are not.
pub(crate) fn unknown_variables() -> Vec<String> {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    environment::unknown(&program(), names)
}

/// The program's commands and arguments.
pub(crate) fn program() -> Arguments {
    with_environment(ParsedArguments::command())
}

/// Lets every option take `-1`, so that it is refused as the option's value and by its name; and lets
/// an environment variable stand for it.
fn with_environment(arguments: Arguments) -> Arguments {
    arguments
        .mut_args(|argument| {
            let Some(long) = argument.get_long() else { return argument };
            let variable = format!("LOOKBACK_{}", long.replace('-', "_").to_uppercase());
            let takes_value = argument.get_action().takes_values();
            if ["help", "version"].contains(&long) {
                return argument;
            }
            // A text may begin with a dash.
            let is_text = argument.get_value_names().is_some_and(|names| names == ["TEXT"]);
            let argument = argument.env(variable).hide_env(true).allow_hyphen_values(is_text);
            match takes_value {
                true => argument.allow_negative_numbers(true),
                // 0, no, off and nothing leave it out.
                false => argument.value_parser(FalseyValueParser::new()),
            }
        })
        .mut_subcommands(with_environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        program().debug_assert();
    }
}
