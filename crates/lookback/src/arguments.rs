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
    Args, Command as Arguments, CommandFactory, FromArgMatches, Parser, ValueEnum,
    builder::FalseyValueParser, error::ErrorKind,
};
use lookback_engine::{Path, Team};
use lookback_files::{Refusal, Result};
use lookback_text::corpus::{self, Corpus, Reading, Tally};

use crate::{commands::Command, main_job::MainJob, memory, print::Print};

/// Let every token look at the tokens before it: train, run and open a transformer.
///
/// Without a command it does its main job: it writes a small corpus, trains a transformer on it and
/// shows what happens inside. MODEL, wherever a command asks for one, is a directory with
/// config.json and model.safetensors, a .gguf file, a Hugging Face id already in the local cache
/// (HF_HOME), or "default", the model that the main job trains.
#[derive(Debug, Parser)]
#[command(name = "lookback", version, max_term_width = help::COLUMNS, after_help = EXAMPLES)]
#[command(disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Asked {
    /// What to do; nothing is the main job.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) main_job: MainJob,
    #[command(flatten)]
    pub(crate) machine: Machine,
    #[command(flatten)]
    pub(crate) loudness: Loudness,
    /// Takes options from a file, a line each, such as temperature = 0.7; those given here go first.
    #[arg(long, value_name = "FILE.toml", global = true)]
    pub(crate) config: Option<PathBuf>,
}

/// How much is said on stderr besides why something failed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Loudness {
    /// Says nothing on stderr but why it failed.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Says on stderr how each stage goes, on a terminal or not.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
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

/// How much of the machine to use.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Machine {
    /// Threads to compute with [default: all cores]. No result depends on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

impl Machine {
    /// The threads asked for, or as many as there are cores.
    pub(crate) fn threads(self) -> usize {
        self.threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            usize::from,
        )
    }

    /// The threads, with the instructions that this processor has or `LOOKBACK_PATH` names.
    pub(crate) fn team(self) -> Result<Team> {
        let path = Path::from_env().map_err(Refusal::user)?;
        let threads = self.threads();
        tracing::debug!(threads, instructions = ?path, "computing");
        Ok(Team::new(threads, path))
    }
}

/// Precision of matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compute {
    // Single precision.
    F32,
    // Both factors rounded to bf16, sums in single precision.
    Bf16,
}

impl Compute {
    /// As arguments and training.toml have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

impl From<Compute> for lookback_engine::Compute {
    fn from(compute: Compute) -> Self {
        match compute {
            Compute::F32 => Self::F32,
            Compute::Bf16 => Self::Bf16,
        }
    }
}

/// How texts are read.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Texts {
    /// Replaces bytes that are no UTF-8 with U+FFFD instead of refusing the file.
    #[arg(long)]
    lossy: bool,
    /// Passes over lines of a .jsonl that cannot be read, and counts them.
    #[arg(long)]
    skip_bad: bool,
}

impl Texts {
    /// Finds files, folders, patterns, lines of JSON, packed or not, or standard input.
    pub(crate) fn find(self, paths: &[PathBuf]) -> Result<Corpus> {
        let most = memory::free().unwrap_or(usize::MAX / 2);
        corpus::find(paths, Reading { lossy: self.lossy, skip_bad: self.skip_bad, most })
    }

    /// Says what was read.
    pub(crate) fn tell(tally: &Tally, print: &mut Print) {
        // What was left out or changed should not be overlooked; the rest is for those who watch.
        if tally.again + tally.skipped + tally.replaced > 0 {
            print.say(&tally.summary());
        } else {
            print.note(&tally.summary());
        }
    }
}

/// Bytes of a text that are read at once, where its tokenizer reads parts.
pub(crate) const PART: usize = 1 << 20;

/// How weights follow their gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Optimizer {
    // Every weight by AdamW.
    #[value(name = "adamw")]
    AdamW,
    // The matrices of the blocks by Muon, the rest by AdamW.
    Muon,
}

impl Optimizer {
    /// As arguments and training.toml have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AdamW => "adamw",
            Self::Muon => "muon",
        }
    }
}

/// How the result is written.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Form {
    /// Prints one JSON object, and nothing else, on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads the arguments. A help that was asked for is printed, and then there is nothing to do.
pub(crate) fn read(
    arguments: impl IntoIterator<Item = OsString>,
    print: &mut Print,
) -> Result<Option<Asked>> {
    let program = program();
    let arguments = config::with_the_files(&program, arguments.into_iter().collect())?;
    let asked = program.try_get_matches_from(&arguments);
    match asked.and_then(|matches| Asked::from_arg_matches(&matches)) {
        Ok(asked) => Ok(Some(asked)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                print.piece(&help::balanced(&error.to_string()))?;
                Ok(None)
            }
            _ => Err(mistakes::in_one_sentence(&error, &arguments)),
        },
    }
}

/// What is to be said of variables that look like ours and are not.
pub(crate) fn unknown_variables() -> Vec<String> {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    environment::unknown(&program(), names)
}

/// The program's commands and arguments.
pub(crate) fn program() -> Arguments {
    settled(Asked::command())
}

/// Lets every option take `-1`, so that it is refused as the option's value and by its name; and lets
/// an environment variable stand for it.
fn settled(arguments: Arguments) -> Arguments {
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
        .mut_subcommands(settled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        program().debug_assert();
    }
}
