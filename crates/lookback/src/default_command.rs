//! What lookback does without a command: it writes Tinytown, trains a transformer on it, and shows
//! what that model does with *the bird is red*: on the page, which is there at once and watches the
//! training, or as a tour in the terminal. The second time the model is there already.

mod abilities;
mod make;
#[cfg(feature = "serve")]
mod page;
mod terminal_progress;

use std::sync::Arc;

use clap::Args;
use lookback::{Model, default_model};
use lookback_engine::ThreadPool;
use lookback_files::{Blame, Refusal, Result};

use crate::{
    default_command::terminal_progress::TerminalProgress,
    print::{Print, flag},
    tour,
};

/// How the main job shows its model.
#[derive(Clone, Debug, Args)]
pub(crate) struct DefaultCommand {
    /// Prints the tour in the terminal instead of opening the page in a browser.
    #[arg(long)]
    no_serve: bool,
    #[cfg(feature = "serve")]
    #[command(flatten)]
    address: crate::commands::serve::Address,
}

/// Makes the default model if it is not there, and shows it.
pub(crate) fn run(options: DefaultCommand, pool: Arc<ThreadPool>, print: &mut Print) -> Result<()> {
    #[cfg(feature = "serve")]
    if !options.no_serve {
        return page::run(&options.address, pool, print);
    }
    let _as_without_a_page = options.no_serve;
    let folder = default_model()?;
    if existing_model(&pool, print)?.is_none() {
        let _nobody_else = make::lock(&folder)?;
        let mut progress = TerminalProgress::new(print);
        let made = make::make(&folder, &pool, &mut |event| {
            progress.update(&event);
            Ok(())
        });
        progress.end();
        made?;
    }
    tour::print(&Model::options().pool(pool).open("default")?, print)
}

/// The default model, if it is there and whole. One that is damaged is made again, and that is said.
pub(crate) fn existing_model(pool: &Arc<ThreadPool>, print: &mut Print) -> Result<Option<Model>> {
    let folder = default_model()?;
    if !folder.exists() {
        return Ok(None);
    }
    let opened = Model::options().pool(pool.clone()).open(&folder).and_then(|model| {
        model.tokenizer()?;
        // A weight that is NaN or infinite, where there is one, is the cause of whatever went wrong.
        let nothing = Refusal::user("nothing went wrong");
        let cause = model.with_cause(nothing.clone());
        if cause == nothing { Ok(model) } else { Err(cause) }
    });
    let is_kept_from_us = |entry: std::io::Result<std::fs::DirEntry>| {
        let opened = entry.and_then(|entry| std::fs::File::open(entry.path()));
        opened.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
    };
    match opened {
        Ok(model) => Ok(Some(model)),
        // What may not be read may not be removed either, and is probably another user's.
        Err(refusal)
            if refusal.blame() != Blame::User
                || std::fs::read_dir(&folder).map_or(true, |mut all| all.any(is_kept_from_us)) =>
        {
            Err(refusal)
        }
        Err(refusal) => {
            let why = refusal.sentence(flag);
            print.warn(&format!("the default model is damaged and is made again ({why})"));
            Ok(None)
        }
    }
}
