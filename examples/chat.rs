//! Asks a chat model: `cargo run --release --example chat -- model.gguf "Why is the sky blue?"`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::env;

use lookback::{Message, Model, Result};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let model = Model::open(arguments.next().unwrap_or("default".to_owned()))?;
    let question = arguments.next().unwrap_or("Why is the sky blue?".to_owned());
    let mut messages = vec![Message::new("user", question)];
    let mut answer = model.chat(&messages).seed(7).max_tokens(64).pieces()?;
    let mut text = String::new();
    for piece in answer.by_ref() {
        text += &piece?.text;
    }
    println!("{text}");
    if let Some(finish) = answer.finish() {
        println!("({} tokens, ended by {finish})", answer.ids().len());
    }
    // The next question would follow the answer.
    messages.push(Message::new("assistant", text));
    Ok(())
}
