//! `lookback completions`: what a shell needs to complete our commands.

use clap::Args;
use clap_complete::{Shell, generate};
use lookback_files::Result;

use crate::{arguments, print::Print};

const EXAMPLES: &str = "\
Examples:
  lookback completions bash >> ~/.bash_completion
  lookback completions fish > ~/.config/fish/completions/lookback.fish";

/// Prints what a shell needs to complete these commands
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// Whose completions.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    /// Prints them.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut arguments::program(), "lookback", &mut script);
        print.write(&String::from_utf8_lossy(&script))
    }
}
