//! What does an activation of another prompt bring along?
//! `cargo run --release --example patch_an_activation -- MODEL PROMPT OTHER 'blocks.0.mlp_out[3]'`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::env;

use lookback::{Model, Result, TokenId};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mut argument = |usual: &str| arguments.next().unwrap_or(usual.to_owned());
    let model = Model::open(argument("default"))?;
    let ids = model.encode(&argument("when was tom born? in"))?;
    let other = argument("when was ben born? in");
    let place = argument("blocks.1.attn.v[2]");

    // What stands at this place over the other prompt, put into the pass over this one.
    let patched = model.look(&ids).intervene(&format!("{place} = from({other:?})"));
    let passes = [("as it is", model.look(&ids)), ("patched", patched)];
    for (what, pass) in passes {
        let logits = pass.logits()?;
        let last = logits.part(ids.len() - 1);
        let best = (0..last.len()).fold(0, |a, b| if last[b] > last[a] { b } else { a });
        println!("{what}: {} comes next", model.tokenizer()?.quoted(TokenId(best as u32)));
    }
    Ok(())
}
