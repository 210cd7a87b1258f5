//! Options that several commands share, and what they stand for.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum};
use lookback_engine::ThreadPool;
use lookback_files::Result;
use lookback_text::corpus::{self, Corpus, CorpusCounts, ReadOptions};

use crate::{memory, print::Print};

/// How much of the machine to use.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Machine {
    /// Threads to compute with [default: all cores]. No result depends on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

impl Machine {
    /// The threads, with the instructions that this processor has or `LOOKBACK_PATH` names.
    pub(crate) fn pool(self) -> Result<Arc<ThreadPool>> {
        lookback::threads(self.threads.map(usize::from)).map(Arc::new)
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
        corpus::find(
            paths,
            ReadOptions { lossy: self.lossy, skip_bad: self.skip_bad, max_bytes: most },
        )
    }

    /// Says what was read.
    pub(crate) fn report(counts: &CorpusCounts, print: &mut Print) {
        // What was left out or changed should not be overlooked; the rest is for those who watch.
        if counts.repeated + counts.skipped + counts.replaced > 0 {
            print.warn(&counts.summary());
        } else {
            print.status(&counts.summary());
        }
    }
}

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

/// Whether the result was asked for as JSON, also where the other arguments cannot be understood.
pub(crate) fn is_json(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let before_texts = arguments.into_iter().take_while(|argument| argument != "--");
    { before_texts }.any(|argument| argument == "--json")
}

/// How the result is written.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OutputFormat {
    /// Prints one JSON object, and nothing else, on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
