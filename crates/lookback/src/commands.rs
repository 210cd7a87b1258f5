//! The commands, in the order in which the help lists them.

mod bench;
mod chat;
mod completions;
mod context;
mod convert;
mod corpus;
mod diff;
mod eval;
mod generate;
mod heads;
mod interventions;
mod look;
mod manual;
mod neurons;
mod progress_bar;
mod prompt;
mod sampling;
mod sequences;
#[cfg(feature = "serve")]
pub(crate) mod serve;
mod sweep;
mod tokenizer;
mod train;
mod verify;
mod why;

use std::sync::Arc;

use clap::Subcommand;
use lookback::{Model, OpenOptions};
use lookback_engine::{Compute, ThreadPool};
use lookback_files::Result;

use self::context::Context;
use crate::{memory, options::Machine, print::Print};

/// One command and its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Train(train::Train),
    Eval(eval::Eval),
    Generate(generate::Generate),
    Chat(chat::Chat),
    Look(look::Look),
    Why(why::Why),
    Heads(heads::Heads),
    Neurons(neurons::Neurons),
    Sweep(sweep::Sweep),
    Diff(diff::Diff),
    Verify(verify::Verify),
    #[command(subcommand)]
    Tokenizer(tokenizer::Tokenizer),
    Corpus(corpus::Corpus),
    Convert(convert::Convert),
    Bench(bench::Bench),
    #[cfg(feature = "serve")]
    Serve(serve::Serve),
    Completions(completions::Completions),
    Manual(manual::Manual),
}

impl Command {
    /// Does it.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        match self {
            Self::Train(train) => train.run(print),
            Self::Eval(eval) => eval.run(print),
            Self::Generate(generate) => generate.run(print),
            Self::Chat(chat) => chat.run(print),
            Self::Look(look) => look.run(print),
            Self::Why(why) => why.run(print),
            Self::Heads(heads) => heads.run(print),
            Self::Neurons(neurons) => neurons.run(print),
            Self::Sweep(sweep) => sweep.run(print),
            Self::Diff(diff) => diff.run(print),
            Self::Verify(verify) => verify.run(print),
            Self::Tokenizer(tokenizer) => tokenizer.run(print),
            Self::Corpus(corpus) => corpus.run(print),
            Self::Convert(convert) => convert.run(print),
            Self::Bench(bench) => bench.run(print),
            #[cfg(feature = "serve")]
            Self::Serve(serve) => serve.run(print),
            Self::Completions(completions) => completions.run(print),
            Self::Manual(manual) => manual.run(print),
        }
    }
}

/// Opens a model on as many threads as `machine` says, if it fits into memory, and warns of what is odd
/// about its files.
pub(crate) fn open_model(
    model: &str,
    compute: impl Into<Compute>,
    machine: Machine,
    print: &mut Print,
) -> Result<Model> {
    open_model_on(model, compute, &machine.pool()?, print)
}

/// The same of a model that is to read so many tokens at once, where a number is given.
pub(crate) fn open_model_for(
    model: &str,
    compute: impl Into<Compute>,
    machine: Machine,
    context: Context,
    print: &mut Print,
) -> Result<Model> {
    let options = Model::options().compute(compute.into()).pool(machine.pool()?);
    open_with(context.given().into_iter().fold(options, OpenOptions::context), model, print)
}

/// The same on threads that other models use too.
pub(crate) fn open_model_on(
    model: &str,
    compute: impl Into<Compute>,
    pool: &Arc<ThreadPool>,
    print: &mut Print,
) -> Result<Model> {
    open_with(Model::options().compute(compute.into()).pool(pool.clone()), model, print)
}

fn open_with(options: OpenOptions, model: &str, print: &mut Print) -> Result<Model> {
    let opened = options.admit(memory::check_free).open(model)?;
    opened.remarks.iter().for_each(|remark| print.warn(remark));
    if let Some(longest) = opened.config().long_context {
        let context = opened.config().context;
        print.warn(&format!(
            "{model}: opened for {context} tokens; for up to {longest}, which generate and chat take with \
             --context, it has other rotary frequencies"
        ));
    }
    Ok(opened)
}
