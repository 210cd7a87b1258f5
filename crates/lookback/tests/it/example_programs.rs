//! The programs of `examples/` do what the command line does with the same model.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use crate::world::{World, said};
use serde_json::Value;

/// An example with its arguments, in a folder and with a home of its own.
fn example(world: &World, name: &str, arguments: &[&str]) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_lookback"));
    let mut example = Command::new(program.parent().unwrap().join("examples").join(name));
    example.args(arguments).current_dir(world.at("")).stdin(Stdio::null());
    example.env_remove("LOOKBACK_PATH").env("LOOKBACK_HOME", world.at("home"));
    example
}

/// What an example prints.
fn printed(world: &World, name: &str, arguments: &[&str]) -> String {
    let said = said(&mut example(world, name, arguments));
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{name}: {said:?}");
    said.stdout
}

#[test]
fn generate_writes_what_the_command_writes() {
    let world = World::with_model();
    let text = printed(&world, "generate", &["good", "the red", "12"]);
    let same = ["generate", "good", "-p", "the red", "--greedy", "-n", "12"];
    assert_eq!(text, format!("the red{}", said(&mut world.program(same)).stdout));
}

#[test]
fn chat_answers_as_the_command_does() {
    let world = World::with_model();
    let template = "{% for message in messages %}{{ message['content'] }}\\n{% endfor %}";
    let config = format!(r#"{{"chat_template": "{template}"}}"#);
    world.write("good/tokenizer_config.json", config);
    let answer = printed(&world, "chat", &["good", "tom sees"]);
    world.write("typed.txt", "tom sees\n");
    let mut chat = world.program("chat good --seed 7 -n 64".split(' '));
    let typed = std::fs::File::open(world.at("typed.txt")).unwrap();
    let told = said(chat.stdin(typed)).stdout;
    let (text, finish) = answer.rsplit_once("\n(").unwrap();
    assert_eq!(text.trim_end(), told.trim_end());
    assert_eq!(finish, "27 tokens, ended by stop)\n");
}

#[test]
fn look_inside_shows_the_weights_that_look_shows() {
    let world = World::with_model();
    let shown = printed(&world, "look_inside", &["good", "the red"]);
    assert_eq!(shown.lines().count(), 2, "{shown}");
    for (head, line) in shown.lines().enumerate() {
        let head = head.to_string();
        let same = ["look", "good", "-p", "the red", "--json", "--head", &head];
        let looked: Value = serde_json::from_str(&said(&mut world.program(same)).stdout).unwrap();
        let weights = looked["pattern"].as_array().unwrap().last().unwrap().as_array().unwrap();
        let most = weights.iter().map(|weight| weight.as_f64().unwrap()).fold(0.0, f64::max);
        assert!(line.starts_with(&format!("layer 0, head {head}: {most:.3} from ")), "{line}");
    }
}

#[test]
fn an_activation_is_changed_and_nothing_else() {
    let world = World::with_model();
    let shown = printed(&world, "change_an_activation", &["good", "the red", "0", "1"]);
    let lines: Vec<&str> = shown.lines().collect();
    let same = ["look", "good", "-p", "the red", "--json"];
    let looked: Value = serde_json::from_str(&said(&mut world.program(same)).stdout).unwrap();
    let next = looked["next"][0]["id"].as_u64().unwrap();
    let tokenizer = lookback::Tokenizer::open(&world.at("good")).unwrap();
    let next = tokenizer.quoted(lookback::TokenId(next as u32));
    assert_eq!(lines[0], format!("as it is: {next} comes next"));
    assert!(lines.len() == 2 && lines[1].starts_with("without the head: "), "{shown}");
}

#[test]
fn a_training_makes_the_model_that_the_command_makes() {
    let world = World::new();
    let told = printed(&world, "train_on_a_text", &["town.txt", "mine", "3"]);
    assert!(told.lines().any(|line| line.starts_with("step 3: validation loss ")), "{told}");
    world.done("train town.txt --tokenizer char --set batch=8 --seed 1 --steps 3 --out same");
    for file in ["model.safetensors", "config.json", "tokenizer.json", "training.toml"] {
        assert!(
            world.read(&format!("mine/{file}")) == world.read(&format!("same/{file}")),
            "{file}"
        );
    }
}

#[test]
#[cfg(feature = "serve")]
fn serve_shows_the_model_until_enter() {
    let world = World::with_model();
    let mut command = example(&world, "serve", &["good"]);
    let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    let mut output = BufReader::new(program.stdout.take().unwrap());
    output.read_line(&mut url).unwrap();
    let address = url.trim().strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let request =
        format!("GET /api/models HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"name\":\"mine\""), "{answer}");
    program.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(program.wait().unwrap().success());
}

#[test]
fn one_model_answers_many_threads_with_the_bits_of_one() {
    let world = World::with_model();
    let model = lookback::Model::options().threads(2).open(world.at("good")).unwrap();
    let written = |seed: u64, model: &lookback::Model| {
        let text = model.generate("the ").seed(seed).max_tokens(30);
        let pieces: Vec<_> = text.into_iter().map(|piece| piece.unwrap().token).collect();
        (pieces, model.logits(&model.encode("the red").unwrap()).unwrap().values)
    };
    let alone: Vec<_> = (0..4).map(|seed| written(seed, &model)).collect();
    assert_ne!(alone[0].0, alone[1].0);
    let beside: Vec<_> = std::thread::scope(|scope| {
        let model = &model;
        let threads: Vec<_> =
            (0..4).map(|seed| scope.spawn(move || written(seed, &model.clone()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(alone == beside);
}

#[test]
fn what_cannot_begin_is_refused_as_the_only_piece() {
    let world = World::with_model();
    let model = lookback::Model::open(world.at("good")).unwrap();
    let refused = |generation: lookback::Generation| {
        let mut pieces = generation.into_iter();
        let refusal = pieces.next().unwrap().unwrap_err();
        assert!(pieces.next().is_none());
        refusal.to_string()
    };
    let said = refused(model.generate("the ").top_p(2.0));
    assert!(said.starts_with("top_p 2"), "{said}");
    let said = refused(model.generate("the ").set("top_q", 1.0));
    assert!(said.contains("top_q"), "{said}");
    let said = refused(model.generate("the ").context(17));
    assert_eq!(said, "context 17: this model reads 16 tokens at once at most");
    let said = refused(model.chat(&[lookback::Message::new("user", "hi")]));
    assert!(said.contains("no chat template"), "{said}");
    let said = refused(model.generate("日"));
    assert!(said.contains('日'), "{said}");
    assert!(model.logits(&[]).is_err());
}
