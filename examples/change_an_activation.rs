//! What follows without one head? `cargo run --release --example change_an_activation -- default "the red bird" 0 1`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::env;

use lookback::{Capture, Model, Result};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let model = Model::open(arguments.next().unwrap_or("default".to_owned()))?;
    let ids = model.encode(&arguments.next().unwrap_or("the red bird".to_owned()))?;
    let mut number = || arguments.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let (layer, head): (usize, usize) = (number(), number());

    // What the head takes from the tokens, `[tokens, heads, head_dim]`, becomes nothing.
    let nothing = format!("blocks.{layer}.attn.z[:, {head}] = 0");
    let as_it_is = model.logits(&ids)?;
    let without = model.look(&ids).intervene(&nothing).logits()?;

    let next = |logits: &Capture| {
        let last = logits.part(ids.len() - 1);
        (0..last.len()).fold(0, |a, b| if last[b] > last[a] { b } else { a })
    };
    let tokenizer = model.tokenizer()?;
    for (what, logits) in [("as it is", &as_it_is), ("without the head", &without)] {
        let id = lookback::TokenId(next(logits) as u32);
        println!("{what}: {} comes next", tokenizer.quoted(id));
    }
    Ok(())
}
