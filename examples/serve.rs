//! Shows a model on the page until Enter is pressed: `cargo run --release --example serve -- default`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::env;

use lookback::{
    Model, Refusal, Result,
    serve::{Listener, ServedModel, Server},
};

fn main() -> Result<()> {
    let model = Model::open(env::args().nth(1).unwrap_or("default".to_owned()))?;
    let server = Server::new(model.pool.clone())?;
    server.put_model(ServedModel::new("mine", model)?);
    let listener = Listener::new("127.0.0.1", [0])?;
    println!("{}", listener.url());

    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Refusal::ours(format!("no threads for the page ({error})")))?;
    runtime.block_on(server.run(listener, async {
        let enter = || std::io::stdin().read_line(&mut String::new());
        let _whatever_was_typed = tokio::task::spawn_blocking(enter).await;
    }))
}
