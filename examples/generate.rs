//! Writes on from a prompt: `cargo run --release --example generate -- default "the bird is" 12`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::{env, io::Write};

use lookback::{Model, Result};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let model = Model::open(arguments.next().unwrap_or("default".to_owned()))?;
    let prompt = arguments.next().unwrap_or("the bird is".to_owned());
    let tokens = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(12);
    print!("{prompt}");
    for piece in model.generate(prompt).greedy().max_tokens(tokens) {
        print!("{}", piece?.text);
        let _unseen = std::io::stdout().flush();
    }
    println!();
    Ok(())
}
