//! The programs of `examples/` do what the command line does with the same model.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use crate::fixture::{Fixture, output};
use serde_json::Value;

/// An example with its arguments, in a folder and with a home of its own.
fn example(fixture: &Fixture, name: &str, arguments: &[&str]) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_lookback"));
    let mut example = Command::new(program.parent().unwrap().join("examples").join(name));
    example.args(arguments).current_dir(fixture.at("")).stdin(Stdio::null());
    example.env_remove("LOOKBACK_PATH").env("LOOKBACK_HOME", fixture.at("home"));
    example
}

/// What an example prints.
fn printed(fixture: &Fixture, name: &str, arguments: &[&str]) -> String {
    let output = output(&mut example(fixture, name, arguments));
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{name}: {output:?}");
    output.stdout
}

#[test]
fn generate_writes_what_the_command_writes() {
    let fixture = Fixture::with_model();
    let text = printed(&fixture, "generate", &["good", "the red", "12"]);
    let same = ["generate", "good", "-p", "the red", "--greedy", "-n", "12"];
    assert_eq!(text, format!("the red{}", output(&mut fixture.program(same)).stdout));
}

#[test]
fn chat_answers_as_the_command_does() {
    let fixture = Fixture::with_model();
    let template = "{% for message in messages %}{{ message['content'] }}\\n{% endfor %}";
    let config = format!(r#"{{"chat_template": "{template}"}}"#);
    fixture.write("good/tokenizer_config.json", config);
    let answer = printed(&fixture, "chat", &["good", "tom sees"]);
    fixture.write("typed.txt", "tom sees\n");
    let mut chat = fixture.program("chat good --seed 7 -n 64".split(' '));
    let typed = std::fs::File::open(fixture.at("typed.txt")).unwrap();
    let told = output(chat.stdin(typed)).stdout;
    let (text, finish) = answer.rsplit_once("\n(").unwrap();
    assert_eq!(text.trim_end(), told.trim_end());
    assert_eq!(finish, "27 tokens, ended by stop)\n");
}

#[test]
fn patch_every_position_shows_the_shares_of_the_sweep() {
    let fixture = Fixture::with_model();
    let shown = printed(&fixture, "patch_every_position", &["good", "the red", "the bed"]);
    let arguments = ["sweep", "good", "-p", "the red", "--corrupt", "the bed", "--json"];
    let swept: Value =
        serde_json::from_str(&output(&mut fixture.program(arguments)).stdout).unwrap();
    let shares = swept["grids"][0]["normalized"].as_array().unwrap();
    let tokens = swept["ids"].as_array().unwrap().len();
    assert_eq!(shown.lines().count(), shares.len() / tokens, "{shown}");
    for (line, shares) in shown.lines().zip(shares.chunks_exact(tokens)) {
        let of = |share: &Value| format!("{:+.3}", share.as_f64().unwrap());
        let expected: Vec<String> = shares.iter().map(of).collect();
        assert!(line.ends_with(&expected.join(" ")), "{line}");
    }
}

#[test]
fn look_inside_shows_the_weights_that_look_shows() {
    let fixture = Fixture::with_model();
    let shown = printed(&fixture, "look_inside", &["good", "the red"]);
    assert_eq!(shown.lines().count(), 2, "{shown}");
    for (head, line) in shown.lines().enumerate() {
        let head = head.to_string();
        let same = ["look", "good", "-p", "the red", "--json", "--head", &head];
        let looked: Value =
            serde_json::from_str(&output(&mut fixture.program(same)).stdout).unwrap();
        let weights = looked["pattern"].as_array().unwrap().last().unwrap().as_array().unwrap();
        let most = weights.iter().map(|weight| weight.as_f64().unwrap()).fold(0.0, f64::max);
        assert!(line.starts_with(&format!("layer 0, head {head}: {most:.3} from ")), "{line}");
    }
}

#[test]
fn why_prints_the_sum_that_the_command_prints() {
    let fixture = Fixture::with_model();
    let shown = printed(&fixture, "why", &["good", "the red"]);
    let same = ["why", "good", "-p", "the red", "--json"];
    let why: Value = serde_json::from_str(&output(&mut fixture.program(same)).stdout).unwrap();
    let parts = why["why"]["parts"].as_array().unwrap();
    for (part, line) in parts.iter().zip(shown.lines().skip(1)) {
        let given = part["contribution"].as_f64().unwrap();
        assert!(line.starts_with(&format!("{given:+.3} ")), "{line}: {part}");
    }
    assert!(shown.lines().count() > parts.len() + 1, "{shown}");
}

#[test]
fn an_activation_is_changed_and_nothing_else() {
    let fixture = Fixture::with_model();
    let shown = printed(&fixture, "change_an_activation", &["good", "the red", "0", "1"]);
    let lines: Vec<&str> = shown.lines().collect();
    let same = ["look", "good", "-p", "the red", "--json"];
    let looked: Value = serde_json::from_str(&output(&mut fixture.program(same)).stdout).unwrap();
    let next = looked["next"][0]["id"].as_u64().unwrap();
    let tokenizer = lookback::Tokenizer::open(&fixture.at("good")).unwrap();
    let next = tokenizer.quoted(lookback::TokenId(next as u32));
    assert_eq!(lines[0], format!("as it is: {next} comes next"));
    assert!(lines.len() == 2 && lines[1].starts_with("without the head: "), "{shown}");
}

#[test]
fn a_training_makes_the_model_that_the_command_makes() {
    let fixture = Fixture::new();
    let told = printed(&fixture, "train_on_a_text", &["town.txt", "mine", "3"]);
    assert!(told.lines().any(|line| line.starts_with("step 3: validation loss ")), "{told}");
    fixture.done("train town.txt --tokenizer char --set batch=8 --seed 1 --steps 3 --out same");
    for file in ["model.safetensors", "config.json", "tokenizer.json", "training.toml"] {
        assert!(
            fixture.read(&format!("mine/{file}")) == fixture.read(&format!("same/{file}")),
            "{file}"
        );
    }
}

#[test]
#[cfg(feature = "serve")]
fn serve_shows_the_model_until_enter() {
    let fixture = Fixture::with_model();
    let mut command = example(&fixture, "serve", &["good"]);
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
    let fixture = Fixture::with_model();
    let model = lookback::Model::options().threads(2).open(fixture.at("good")).unwrap();
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
    let fixture = Fixture::with_model();
    let model = lookback::Model::open(fixture.at("good")).unwrap();
    let refused = |generation: lookback::Generation| {
        let mut pieces = generation.into_iter();
        let refusal = pieces.next().unwrap().unwrap_err();
        assert!(pieces.next().is_none());
        refusal.to_string()
    };
    let output = refused(model.generate("the ").top_p(2.0));
    assert!(output.starts_with("top_p 2"), "{output}");
    let output = refused(model.generate("the ").set("top_q", 1.0));
    assert!(output.contains("top_q"), "{output}");
    let output = refused(model.generate("the ").context(17));
    assert_eq!(output, "context 17: this model reads 16 tokens at once at most");
    let output = refused(model.chat(&[lookback::Message::new("user", "hi")]));
    assert!(output.contains("no chat template"), "{output}");
    let output = refused(model.generate("日"));
    assert!(output.contains('日'), "{output}");
    assert!(model.logits(&[]).is_err());
}

#[test]
fn a_text_outlives_its_model_and_two_are_written_side_by_side() {
    let fixture = Fixture::with_model();
    let model = lookback::Model::open(fixture.at("good")).unwrap();
    let begin = |prompt: &str| model.generate(prompt).seed(3).ignore_eos().max_tokens(20);
    let (one, other) = (begin("tom ").text().unwrap(), begin("the bird").text().unwrap());
    let (mut first, mut second) =
        (begin("tom ").pieces().unwrap(), begin("the bird").pieces().unwrap());
    drop(model);
    let (mut told, mut told_too) = (String::new(), String::new());
    for _ in 0..=20 {
        first.next().into_iter().for_each(|piece| told += &piece.unwrap().text);
        second.next().into_iter().for_each(|piece| told_too += &piece.unwrap().text);
    }
    assert_eq!((told, told_too), (one, other));
    assert_eq!((first.finish(), first.ids().len()), (Some(lookback::FinishReason::Length), 20));
    assert!(first.next().is_none());
}

#[test]
fn what_is_written_ends_where_it_is_asked_to() {
    let fixture = Fixture::with_model();
    let model = lookback::Model::open(fixture.at("good")).unwrap();
    let long = "tom sees the red house and anna hears the old bird";
    let whole = model.generate(long).greedy().ignore_eos().max_tokens(30);
    let text = whole.clone().text().unwrap();
    assert!(text.chars().count() >= 20, "{text}");
    // A stop text that spans tokens, of one character each, is not shown.
    let stop: String = text.chars().skip(5).take(3).collect();
    let before = &text[..text.find(&stop).unwrap()];
    let mut pieces = whole.clone().stop(stop.as_str()).pieces().unwrap();
    let shown: String = pieces.by_ref().map(|piece| piece.unwrap().text).collect();
    assert_eq!((shown.as_str(), pieces.finish()), (before, Some(lookback::FinishReason::Stop)));
    assert_eq!(pieces.ids().len(), before.chars().count() + 3);
    let mut none = whole.max_tokens(0).pieces().unwrap();
    assert!(none.next().is_none() && none.finish() == Some(lookback::FinishReason::Length));
}

#[test]
fn ids_positions_and_sites_that_are_not_there_are_refused_by_name() {
    use lookback::{Change, Edit, TokenId, model::BlockSite};
    let fixture = Fixture::with_model();
    let model = lookback::Model::open(fixture.at("good")).unwrap();
    let beyond = [TokenId(1), TokenId(999)];
    let last = model.config().vocabulary - 1;
    let what = format!("token 999: this model's vocabulary ends at {last}");
    let refusals = [
        model.logits(&beyond).unwrap_err(),
        model.look(&beyond).trace().unwrap_err(),
        model.generate(&beyond[..]).text().unwrap_err(),
    ];
    for refusal in refusals {
        assert_eq!(
            (refusal.kind(), refusal.to_string()),
            (lookback::Kind::TokenOutOfRange, what.clone())
        );
    }
    assert!(model.generate(Vec::new()).text().is_err());
    let ids = model.encode("the red").unwrap();
    let refused = model.look(&ids).sites("logits,blocks.7.*").trace().unwrap_err().to_string();
    assert_eq!(refused, "sites blocks.7.*: this model has no such site");
    let edit = |positions: Option<&[u32]>, columns| Edit {
        change: Change::Set,
        positions: positions.map(Into::into),
        columns,
        numbers: [1.0].into(),
    };
    let refused = |layer, site, edit| {
        let look = model.look(&ids).edit(lookback::Site::Block(layer, site), edit);
        look.logits().unwrap_err().to_string()
    };
    let output = refused(0, BlockSite::Z, edit(Some(&[7]), 0..1));
    assert_eq!(output, "blocks.0.attn.z: there is no position 7 among 7 tokens");
    assert!(refused(0, BlockSite::Z, edit(None, 0..33)).contains("does not fit"));
    assert!(refused(9, BlockSite::Z, edit(None, 0..1)).contains("does not have the site"));
    assert!(refused(0, BlockSite::Pattern, edit(None, 0..1)).contains("does not have the site"));
    let none: [&str; 0] = [];
    let trainer = || lookback::Trainer::new(fixture.at("other")).tokenizer("char");
    assert!(trainer().train(none).unwrap_err().to_string().contains("no text"));
    let output = trainer().minutes(f64::NAN).train([fixture.at("town.txt")]).unwrap_err();
    assert!(output.to_string().starts_with("minutes NaN"), "{output}");
    let output =
        lookback::Trainer::new(fixture.at("good")).train([fixture.at("town.txt")]).unwrap_err();
    assert!(output.to_string().contains("good"), "{output}");
    assert!(!fixture.at("other").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_model_in_a_folder_whose_name_is_no_unicode_is_opened() {
    use std::os::unix::ffi::OsStrExt;
    let fixture = Fixture::with_model();
    let folder = fixture.at("").join(std::ffi::OsStr::from_bytes(b"mod\xffel"));
    std::fs::rename(fixture.at("good"), &folder).unwrap();
    assert!(lookback::Model::open(&folder).unwrap().generate("tom ").text().is_ok());
}

#[test]
fn a_number_of_steps_may_be_given_as_a_setting() {
    let fixture = Fixture::new();
    let trainer = lookback::Trainer::new(fixture.at("mine")).tokenizer("char");
    trainer.set("batch", 2).set("steps", 2).train([fixture.at("town.txt")]).unwrap();
    let settings = String::from_utf8(fixture.read("mine/training.toml")).unwrap();
    assert!(settings.lines().any(|line| line == "steps = 2"), "{settings}");
}
