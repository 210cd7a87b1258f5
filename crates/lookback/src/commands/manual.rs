//! `lookback manual`: the helps as manual pages.

use clap::Args;
use clap_mangen::Man;
use lookback_files::{Refusal, Result};

use crate::{arguments, print::Print};

const EXAMPLES: &str = "\
Examples:
  lookback manual > lookback.1
  lookback manual generate | man -l -";

/// Prints a manual page, of the program or of a command
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Manual {
    /// The command, such as generate or tokenizer train.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

impl Manual {
    /// Prints it.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let mut page = arguments::program();
        page.build();
        for name in &self.command {
            let inner = page.find_subcommand(name).cloned();
            page = inner.ok_or_else(|| {
                let known: Vec<&str> =
                    page.get_subcommands().map(clap::Command::get_name).collect();
                Refusal::user(format!(
                    "manual {name}: there is no such command; there are {}",
                    known.join(", ")
                ))
            })?;
        }
        let mut roff = Vec::new();
        let failed = |error| Refusal::ours(format!("the page could not be made ({error})"));
        Man::new(page).render(&mut roff).map_err(failed)?;
        print.write(&String::from_utf8_lossy(&roff))
    }
}
