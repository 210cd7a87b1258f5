//! What lookback does without a command: it writes Tinytown, trains a transformer on it, and shows
//! what that model does with *the bird is red*: on the page, which is there at once and watches the
//! training, or as a tour in the terminal. The second time the model is there already.

mod abilities;
mod make;
#[cfg(feature = "serve")]
mod page;
mod watch;

pub(crate) use make::{BYTES, SEED, stories};

use std::sync::Arc;

use clap::Args;
use lookback::open::{Model, default_model};
use lookback_engine::Team;
use lookback_files::Result;

use crate::{main_job::watch::Watch, print::Print, tour};

/// How the main job shows its model.
#[derive(Clone, Debug, Args)]
pub(crate) struct MainJob {
    /// Prints the tour in the terminal instead of opening the page in a browser.
    #[arg(long)]
    no_serve: bool,
    #[cfg(feature = "serve")]
    #[command(flatten)]
    address: crate::commands::serve::Address,
}

/// Makes the default model if it is not there, and shows it.
pub(crate) fn run(asked: MainJob, team: Team, print: &mut Print) -> Result<()> {
    #[cfg(feature = "serve")]
    if !asked.no_serve {
        return page::run(&asked.address, Arc::new(team), print);
    }
    let _as_without_a_page = asked.no_serve;
    let team = Arc::new(team);
    let folder = default_model()?;
    if !folder.join("config.json").exists() {
        let _nobody_else = make::alone(&folder)?;
        let mut watch = Watch::new(print);
        let made = make::make(&folder, &team, &mut |told| {
            watch.tell(&told);
            Ok(())
        });
        watch.end();
        made?;
    }
    let model = Model::open("default", &team)?;
    tour::print(&model, &team, print)
}
