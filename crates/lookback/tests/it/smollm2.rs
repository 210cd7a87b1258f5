//! A real trained model, SmolLM2-135M-Instruct, says what transformers says: the ids of eight prompts,
//! the likeliest next tokens at every position, and what it writes greedily.
//!
//! `LOOKBACK_SHARED` is the folder with `real/smollm2.jsonl`; the model's files lie where the peers
//! are kept, in the folder `PEERS` or under the home.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "a real model's distance is worth reading")]

use std::fs;

use crate::fixture::{real_models, shared};
use lookback::{
    Model,
    generate::chat::{GenerationPrompt, Message},
    model::TokenId,
    text::Specials,
};
use serde::Deserialize;

/// How far a log-probability may be from that of transformers, which sums in another order.
const BOUND: f64 = 2e-3;

/// A line of the file: what transformers computes in float32.
#[derive(Deserialize)]
struct Expected {
    prompt: Prompt,
    ids: Vec<u32>,
    /// For each position the ten likeliest next ids, with their natural log-probabilities.
    top: Vec<Vec<(usize, f64)>>,
    greedy: Vec<u32>,
    /// Steps of `greedy` at which the two likeliest are too near each other to tell.
    close: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Prompt {
    Text(String),
    Chat(Vec<ProgramOutput>),
}

#[derive(Deserialize)]
struct ProgramOutput {
    role: String,
    content: String,
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn the_gguf_file_gives_the_bits_of_its_copy_in_f32() {
    let logits = |name: &str, chunk: usize| {
        let model = Model::options().threads(2).open(real_models().join(name)).unwrap();
        let mut session = model.session(64).unwrap();
        let ids: Vec<TokenId> = (0..40).map(|i| TokenId(i * 1009 % 49_152)).collect();
        let mut all = Vec::new();
        for ids in ids.chunks(chunk) {
            all.extend(session.read(ids).unwrap().iter().map(|x| x.to_bits()));
        }
        all
    };
    for chunk in [1, 3, 40] {
        let copy = logits("smollm2", chunk);
        assert!(logits("smollm2-135m-instruct-q4_1.gguf", chunk) == copy, "chunks of {chunk}");
    }
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn the_gguf_file_says_what_transformers_says() {
    says_what_transformers_says("smollm2-135m-instruct-q4_1.gguf");
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn the_directory_says_what_transformers_says() {
    says_what_transformers_says("smollm2");
}

fn says_what_transformers_says(name: &str) {
    let model = Model::options().threads(2).open(real_models().join(name)).unwrap();
    let lines = fs::read_to_string(shared().join("real/smollm2.jsonl")).unwrap();
    let (mut furthest, mut positions, mut steps) = (0.0, 0, 0);
    for line in lines.lines() {
        let expected: Expected = serde_json::from_str(line).unwrap();
        let ids = read(&model, &expected.prompt);
        assert_eq!(ids.iter().map(|id| id.0).collect::<Vec<_>>(), expected.ids);

        let from_theirs = distance(&model, &ids, &expected.top);
        assert!(from_theirs < BOUND, "{name}: {from_theirs} at {:?}", expected.ids);
        furthest = if from_theirs > furthest { from_theirs } else { furthest };
        positions += ids.len();

        let until = expected.close.first().copied().unwrap_or(expected.greedy.len());
        assert_eq!(greedy(&model, &ids, until), expected.greedy[..until], "{name}");
        steps += until;
    }
    assert_eq!(lines.lines().count(), 8);
    println!("{name}: {positions} positions within {furthest:.1e}, {steps} greedy ids");
}

/// A prompt's ids: a text as it stands, a chat through the model's own template.
fn read(model: &Model, prompt: &Prompt) -> Vec<TokenId> {
    let tokenizer = model.tokenizer().unwrap();
    match prompt {
        Prompt::Text(text) => tokenizer.encode(text, Specials::Allowed).unwrap(),
        Prompt::Chat(chat) => {
            let chat: Vec<Message> =
                chat.iter().map(|output| Message::new(&output.role, &output.content)).collect();
            let template = model.template(None).unwrap();
            template.prompt(tokenizer, &chat, GenerationPrompt::Added).unwrap().ids
        }
    }
}

/// The largest difference of a log-probability, over all positions and the ids given for each.
fn distance(model: &Model, ids: &[TokenId], top: &[Vec<(usize, f64)>]) -> f64 {
    let logits = model.logits(ids).unwrap();
    assert_eq!((logits.shape[0], top.len()), (ids.len(), ids.len()));
    let mut furthest = 0.0;
    for (position, top) in top.iter().enumerate() {
        assert_eq!(top.len(), 10);
        let logits = logits.part(position);
        // Nothing overflows f64 here: logits are some tens.
        let total = logits.iter().fold(0.0, |sum, &logit| sum + libm::exp(f64::from(logit)));
        for &(id, theirs) in top {
            let difference = (f64::from(logits[id]) - libm::log(total) - theirs).abs();
            assert!(difference.is_finite());
            furthest = if difference > furthest { difference } else { furthest };
        }
    }
    furthest
}

/// What it writes on from a prompt, always the likeliest next token.
fn greedy(model: &Model, ids: &[TokenId], tokens: usize) -> Vec<u32> {
    let text = model.generate(ids).greedy().ignore_eos().max_tokens(tokens);
    text.into_iter().filter_map(|piece| piece.unwrap().token).map(|id| id.0).collect()
}
