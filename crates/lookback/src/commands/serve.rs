//! `lookback serve`: the page over models that are there.

use std::path::Path;

use clap::Args;
use lookback_engine::Compute;
use lookback_files::Result;
use lookback_serve::{Listener, ServedModel, Server};

use super::interventions::Interventions;
use crate::{browser, memory, options::Machine, page_server::PageServer, print::Print};

/// The default address of the page.
const PORT: u16 = 4747;
/// How many ports after it are tried when it is taken.
const PORTS: u16 = 64;

const EXAMPLES: &str = "\
The page reads MODEL and changes nothing. It is reached from this machine alone, unless --host names \
an address that others reach. Ctrl-C ends it. Changes hold for the text that is written on the page and for \
/api/look; a request may give more of them as \"edits\".

Examples:
  lookback serve default
  lookback serve default smollm2-135m-instruct-q4_1.gguf --no-open
  lookback serve runs/mine --port 8080";

/// Opens the page in which a model can be looked into
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Directories, .gguf files, Hugging Face ids in the local cache, or "default".
    #[arg(value_name = "MODEL", required = true)]
    models: Vec<String>,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    interventions: Interventions,
}

/// Where the page is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Address {
    /// The address to listen at.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// The port to listen at [default: 4747, or the next that is free].
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Does not open the page in a browser.
    #[arg(long)]
    no_open: bool,
}

impl Serve {
    /// Answers until it is stopped.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let pool = self.machine.pool()?;
        let interventions = self.interventions.list()?;
        let server = Server::new(pool.clone())?
            .with_interventions(interventions)
            .with_variant(self.interventions.variant());
        server.limit_memory(memory::free);
        memory::return_large_allocations();
        memory::log_planned("what the page remembers", Server::MAX_CACHE_BYTES);
        let mut names: Vec<String> = Vec::new();
        for given in &self.models {
            let model = super::open_model_on(given, Compute::F32, &pool, print)?;
            let name = unused(&short(given), &names);
            server.put_model(ServedModel::new(&name, model)?);
            names.push(name);
        }
        let listener = self.address.listen()?;
        self.address.announce(&listener, print)?;
        PageServer::start(&server, listener)?.wait()
    }
}

impl Address {
    /// Takes the port asked for, or the first that is free.
    pub(crate) fn listen(&self) -> Result<Listener> {
        match self.port {
            Some(port) => Listener::new(&self.host, [port]),
            None => Listener::new(&self.host, PORT..PORT + PORTS),
        }
    }

    /// Prints where the page is, and opens it.
    pub(crate) fn announce(&self, listener: &Listener, print: &mut Print) -> Result<()> {
        let url = listener.url();
        print.line(&url)?;
        print.flush()?;
        if !self.no_open {
            browser::open(&url);
        }
        Ok(())
    }
}

/// The last part of a path, without the end of a file's name: what a model is called on the page.
fn short(given: &str) -> String {
    let name = Path::new(given.trim_end_matches(['/', '\\'])).file_name();
    let name = name.map_or_else(|| given.to_owned(), |name| name.to_string_lossy().into_owned());
    name.strip_suffix(".gguf").unwrap_or(&name).to_owned()
}

/// The name, with a number behind it if another model has it already.
fn unused(name: &str, names: &[String]) -> String {
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    let mut all = std::iter::once(name.to_owned()).chain(numbered);
    all.find(|name| !names.contains(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_called_by_the_last_part_of_its_path() {
        assert_eq!(short("runs/mine/"), "mine");
        assert_eq!(short("models/smol.gguf"), "smol");
        assert_eq!(short("HuggingFaceTB/SmolLM2-135M"), "SmolLM2-135M");
        let names = ["mine".to_owned(), "mine (2)".to_owned()];
        assert_eq!(unused("mine", &names), "mine (3)");
    }
}
