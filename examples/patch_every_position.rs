//! Where does what differs between two prompts make the difference?
//! `cargo run --release --example patch_every_position -- default "a red bird is" "a blue bird is"`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::env;

use lookback::{Model, Result};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let model = Model::open(arguments.next().unwrap_or("default".to_owned()))?;
    let clean = model.encode(&arguments.next().unwrap_or("a red bird is".to_owned()))?;
    let corrupted = model.encode(&arguments.next().unwrap_or("a blue bird is".to_owned()))?;

    // The stream of the clean pass before each layer, at each position alone, in the corrupted pass.
    let sweep = model.sweep(&clean, &corrupted).over("resid_pre")?;
    let report = sweep.report(&mut |_, _| Ok(()))?;

    // 0 is the corrupted pass, 1 the clean one.
    let restored = report.grids[0].normalized.clone().unwrap_or_default();
    for (layer, row) in restored.chunks_exact(clean.len()).enumerate() {
        let shares: Vec<String> = row.iter().map(|share| format!("{share:+.3}")).collect();
        println!("layer {layer}: {}", shares.join(" "));
    }
    Ok(())
}
