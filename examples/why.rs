//! Why that token? `cargo run --release --example why -- default "kite helen spotted kite helen"`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::env;

use lookback::{Model, Result, TokenId, UnfoldOptions, lens};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let model = Model::open(arguments.next().unwrap_or("default".to_owned()))?;
    let prompt = arguments.next().unwrap_or("kite helen spotted kite helen".to_owned());
    let ids = model.encode(&prompt)?;
    let tokenizer = model.tokenizer()?;

    // The logit of the likeliest token, as the sum that it is.
    let why = model.why(&ids).unfold(UnfoldOptions::default()).sum()?;
    println!("{}: {:.3}", tokenizer.quoted(TokenId(why.target)), why.logit);
    for part in &why.parts {
        println!("{:+.3} {}", part.contribution, part.component.name());
    }
    // The strongest ways from a token into it.
    let paths = why.unfolding.as_ref().map(lens::paths).unwrap_or_default();
    for path in paths.iter().take(3) {
        let through: Vec<String> = path.through.iter().map(|step| step.component.name()).collect();
        let begins = tokenizer.quoted(ids[path.begins.token]);
        println!("{:+.3} {begins} through {}", path.contribution, through.join(", "));
    }
    Ok(())
}
