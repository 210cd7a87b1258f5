//! Which token does each head look at? `cargo run --release --example look_inside -- default "the red bird"`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::env;

use lookback::{Model, Result};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let model = Model::open(arguments.next().unwrap_or("default".to_owned()))?;
    let ids = model.encode(&arguments.next().unwrap_or("the red bird".to_owned()))?;
    let tokenizer = model.tokenizer()?;
    let trace = model.look(&ids).sites("blocks.*.attn.pattern,logits").trace()?;
    let last = ids.len() - 1;
    for layer in 0..model.config().layers {
        let Some(pattern) = trace.named(&format!("blocks.{layer}.attn.pattern")) else { continue };
        for head in 0..model.config().heads {
            // `[heads, queries, keys]`: what the last token takes from each.
            let weights = &pattern.part(head)[last * ids.len()..];
            let most = (0..=last).fold(0, |a, b| if weights[b] > weights[a] { b } else { a });
            let token = tokenizer.quoted(ids[most]);
            println!("layer {layer}, head {head}: {:.3} from {token}", weights[most]);
        }
    }
    Ok(())
}
