//! The README's commands, typed wrong in thirty ways: each answer is one sentence that helps.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{Fixture, SMALL};

#[test]
fn thirty_wrong_ways_of_typing_the_readmes_commands_are_answered() {
    let fixture = Fixture::with_model();
    fixture.write("chat.gguf", "no gguf at all");
    let ways = [
        "serv default",
        "serve defualt",
        "serve good --port high",
        "serve good --port 99999999",
        "--no-server",
        "--noserve",
        "train my.txt --out runs/mine",
        "train town.txt",
        "train -i town.txt --out runs/mine",
        "train --out runs/mine",
        "train town.txt --out good",
        "train town.txt --tokeniser char --out runs/mine",
        "train town.txt --tokenizer chars --out runs/mine",
        "train town.txt --tokenizer char --preset tinny --minutes 3 --out runs/letters",
        "train town.txt --minutes three --out runs/mine",
        "train town.txt --minutes 0 --out runs/mine",
        "train town.txt --set layer=2 --out runs/mine",
        "train town.txt --set layers:2 --out runs/mine",
        "train town.txt --compute fp16 --out runs/mine",
        "train --resume",
        "train --resume --out runs/mine",
        "train --resume --out town.txt",
        "train --resum --out good",
        "generate runs/mine -p ROMEO:",
        "generate good ROMEO:",
        "generate good -p tom sees anna",
        "generate good -prompt tom",
        "generate good -p tom -n",
        "generate good -p tom --top_k 3",
        "generate good -p tom --temp hot",
        "generate good -p tom --greedy --temperature 2",
        "generate good -p tom --samplers top_k,temprature",
        "generate good -p tom --logit-bias 3:1",
        "generate -p tom good --seed -1",
        "eval",
        "eval good held-out.txt --json",
        "eval default --questions",
        "tokenizer encode the bird is red --tokenizer good",
        "tokenizer encode red --tokenizer cl200k",
        "tokenizer encode red",
        "chat good --temperature 0.2",
        "chat chat.gguf",
        "look good",
        "look good -p tom sees anna",
        "look good -p tom --layer 3 --head 2",
        "look good -p tom -o trace",
        "verify good",
        "verify good expected.safetensors",
        "bench town.txt",
        "corpus 1000",
        "completions tcsh",
    ];
    assert!(ways.len() >= 30);
    let output: Vec<String> =
        ways.iter().map(|line| format!("$ lookback {line}\n{}\n", fixture.refused(line))).collect();
    insta::assert_snapshot!(output.concat().replace(SMALL, "SMALL"));
}
