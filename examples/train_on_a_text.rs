//! Trains on a text: `cargo run --release --example train_on_a_text -- my.txt runs/mine 300`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::{env, sync::atomic::AtomicBool};

use lookback::{
    Refusal, Result, Trainer,
    train::{RunEvent, TrainingEvent},
};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(text), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err(Refusal::user("name a text and a directory: my.txt runs/mine"));
    };
    let steps = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(300);
    let trainer = Trainer::new(out).tokenizer("char").set("batch", 8).seed(1).steps(steps);
    let model = trainer.train_with([text], &AtomicBool::new(false), &mut |told| {
        if let RunEvent::Training(TrainingEvent::Validated { step, loss, .. }) = told {
            println!("step {step}: validation loss {loss:.4}");
        }
        Ok(())
    })?;
    println!("{}", model.generate("the ").seed(7).max_tokens(40).text()?);
    Ok(())
}
