//! The commands, in the order in which the help lists them.

mod bench;
mod chat;
mod completions;
mod context;
mod corpus;
mod eval;
mod generate;
mod look;
mod manual;
mod sampling;
#[cfg(feature = "serve")]
pub(crate) mod serve;
mod tokenizer;
mod train;
mod verify;

use clap::Subcommand;
use lookback::open::Model;
use lookback_engine::{Compute, Team};
use lookback_files::Result;

use crate::{
    arguments::{self, Asked},
    main_job, memory,
    print::Print,
};

/// One command and its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Train(train::Train),
    Eval(eval::Eval),
    Generate(generate::Generate),
    Chat(chat::Chat),
    Look(look::Look),
    Verify(verify::Verify),
    #[command(subcommand)]
    Tokenizer(tokenizer::Tokenizer),
    Corpus(corpus::Corpus),
    Bench(bench::Bench),
    #[cfg(feature = "serve")]
    Serve(serve::Serve),
    Completions(completions::Completions),
    Manual(manual::Manual),
}

/// Does what was asked.
pub(crate) fn run(asked: Asked, print: &mut Print) -> Result<()> {
    print.set(asked.loudness);
    for sentence in arguments::unknown_variables() {
        print.say(&sentence);
    }
    tracing::debug!(version = env!("CARGO_PKG_VERSION"), "begun");
    let done = carry_out(asked, print);
    if done.is_ok() {
        tracing::debug!(peak_memory_mb = memory::peak_mb(), "done");
    }
    done
}

/// Opens a model that fits into memory, and says what is odd about its files.
pub(crate) fn open(
    model: &str,
    compute: impl Into<Compute>,
    team: &Team,
    print: &mut Print,
) -> Result<Model> {
    let opened = Model::open_planned(model, compute.into(), team, &|bytes| {
        memory::refuse_beyond(&format!("{model}: holding its weights"), bytes)
    })?;
    opened.remarks.iter().for_each(|remark| print.say(remark));
    Ok(opened)
}

fn carry_out(asked: Asked, print: &mut Print) -> Result<()> {
    match asked.command {
        None => main_job::run(asked.main_job, asked.machine.team()?, print),
        Some(Command::Train(train)) => train.run(print),
        Some(Command::Eval(eval)) => eval.run(print),
        Some(Command::Generate(generate)) => generate.run(print),
        Some(Command::Chat(chat)) => chat.run(print),
        Some(Command::Look(look)) => look.run(print),
        Some(Command::Verify(verify)) => verify.run(print),
        Some(Command::Tokenizer(tokenizer)) => tokenizer.run(print),
        Some(Command::Corpus(corpus)) => corpus.run(print),
        Some(Command::Bench(bench)) => bench.run(print),
        #[cfg(feature = "serve")]
        Some(Command::Serve(serve)) => serve.run(print),
        Some(Command::Completions(completions)) => completions.run(print),
        Some(Command::Manual(manual)) => manual.run(print),
    }
}
