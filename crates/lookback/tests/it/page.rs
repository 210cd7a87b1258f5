//! The page of the main job: there at once, also while the model is still being made.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(all(unix, feature = "serve"))]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::fixture::{self, Fixture};
use serde_json::Value;

/// Held by the tests that compute much, so that neither waits for the other's processors.
static COMPUTING: Mutex<()> = Mutex::new(());

/// The program with a page, ended with the test.
struct Served {
    program: Child,
    address: String,
}

impl Served {
    fn new(fixture: &Fixture, line: &str) -> Self {
        let line = format!("{line} --port 0 --no-open --threads 1");
        let mut command = fixture.program(line.split_whitespace());
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        Self { program, address }
    }

    /// Sends a request, and gives a reader of the answer.
    fn ask(&self, request: &str, body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}",
            self.address
        );
        stream.write_all(head.as_bytes()).unwrap();
        BufReader::new(stream)
    }

    /// A whole answer.
    fn answer(&self, request: &str, body: &str) -> String {
        let mut answer = Vec::new();
        self.ask(request, body).read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Presses Ctrl-C, and gives the exit code and what stood on stderr.
    fn interrupted(mut self) -> (Option<i32>, String) {
        let id = self.program.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let code = self.program.wait().unwrap().code();
        let mut output = String::new();
        self.program.stderr.take().unwrap().read_to_string(&mut output).unwrap();
        (code, output)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _it_may_have_ended = self.program.kill();
    }
}

#[test]
fn a_model_that_is_there_is_shown_until_ctrl_c() {
    let fixture = Fixture::with_model();
    std::fs::create_dir_all(fixture.at("home")).unwrap();
    fixture.copy("good", "home/default");
    for line in ["", "serve good home/default"] {
        let served = Served::new(&fixture, line);
        let models = served.answer("GET /api/models", "");
        let name = if line.is_empty() { "default" } else { "good" };
        assert!(
            models.starts_with("HTTP/1.1 200") && models.contains(&format!("{name:?}")),
            "{models}"
        );
        let look =
            served.answer("POST /api/look", r#"{"prompt":"tom","sites":[{"site":"logits"}]}"#);
        assert!(look.starts_with("HTTP/1.1 200") && look.contains("\"logits\""), "{look}");
        assert_eq!(served.interrupted(), (Some(0), String::new()));
    }
}

#[test]
fn the_page_is_there_before_the_model_and_reads_it_while_it_learns() {
    let _alone = COMPUTING.lock().unwrap_or_else(PoisonError::into_inner);
    let fixture = Fixture::new();
    let began = Instant::now();
    let served = Served::new(&fixture, "");
    let page = served.answer("GET /", "");
    assert!(page.contains("lookback-token"), "{page}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let look = r#"{"prompt":"the bird","sites":[{"site":"logits"}]}"#;
    let early = served.answer("POST /api/look", look);
    assert!(early.contains("no model here yet"), "{early}");

    let mut told = Vec::new();
    for line in served.ask("GET /api/training", "").lines() {
        let line = line.unwrap();
        let Some(data) = line.strip_prefix("data: ") else { continue };
        let news: Value = serde_json::from_str(data).unwrap();
        told.push(news["type"].as_str().unwrap().to_owned());
        if told.last().unwrap() == "step" {
            break;
        }
    }
    assert_eq!(told.first().unwrap(), "phase");
    assert!(told.contains(&"begun".into()) && told.contains(&"snapshot".into()), "{told:?}");
    let looked = served.answer("POST /api/look", look);
    assert!(looked.starts_with("HTTP/1.1 200") && looked.contains("\"step\":\""), "{looked}");
    for line in ["--no-open --port 0", "--no-serve"] {
        let second = fixture.lookback(line);
        assert_eq!(second.code, Some(2), "{second:?}");
        let sentence = fixture::sentence(line, &second);
        assert!(sentence.starts_with("default: another lookback (process "), "{sentence}");
    }
    let (code, output) = served.interrupted();
    assert_eq!(code, Some(130), "{output}");
    let is_told = output.starts_with("lookback: stopped after ")
        && output.ends_with(" steps; the next start begins again\n");
    // A step that takes longer than the program waits, as where every core is busy, is not ended.
    assert!(is_told || output == "lookback: stopped\n", "{output}");
}

#[test]
fn a_taken_port_is_refused_and_a_model_without_a_tokenizer_too() {
    let fixture = Fixture::with_model();
    let served = Served::new(&fixture, "serve good");
    let port = served.address.rsplit(':').next().unwrap().to_owned();
    let output = fixture.refused(&format!("serve good --no-open --port {port}"));
    assert!(output.ends_with("give another --port or --host"), "{output}");
    fixture.copy("good", "mute");
    std::fs::remove_file(fixture.at("mute/tokenizer.json")).unwrap();
    let output = fixture.refused("serve mute --no-open --port 0");
    assert!(output.starts_with("mute: there is no tokenizer.json in it, so the page"), "{output}");
}

/// Megabytes beside what is planned: the program, its tokenizers and words, connections, and what the
/// allocator keeps of what is freed.
#[cfg(target_os = "linux")]
const ALLOWED: usize = 80;

#[cfg(target_os = "linux")]
#[test]
fn after_many_texts_in_every_figure_of_three_models_the_memory_is_what_was_planned() {
    let _alone = COMPUTING.lock().unwrap_or_else(PoisonError::into_inner);
    let fixture = Fixture::new();
    // Small, but for the patterns: a text of 512 letters leaves some 40 MB of them.
    let shape = "--set layers=4 --set heads=4 --set key_heads=4 --set width=32 --set hidden=48 \
                 --set context=512 --set batch=1 --set compute=f32";
    fixture.done(&format!("train town.txt --tokenizer char {shape} --steps 1 --out one"));
    fixture.copy("one", "two");
    fixture.copy("one", "three");
    let mut served = Served::new(&fixture, "serve one two three --verbose");
    // Read all the while, since a full pipe would hold the program up.
    let mut output = served.program.stderr.take().unwrap();
    let output = std::thread::spawn(move || {
        let mut all = String::new();
        output.read_to_string(&mut all).map(|_| all)
    });
    let town = String::from_utf8(fixture.read("town.txt")).unwrap();
    let of_text = [
        ("tokens", ""),
        ("embed", r#","token":9"#),
        ("position", r#","token":9"#),
        ("attend/glance", r#","most":24"#),
        ("attend", r#","layer":1,"head":2"#),
        ("attend/cell", r#","layer":1,"head":2,"query":9,"key":3"#),
        ("context", r#","layer":1,"head":2,"token":9,"most":12"#),
        ("exchange", r#","token":9,"layers":[0,3]"#),
        ("mlp", r#","layer":3,"token":9,"units":8,"tokens":6"#),
        ("stream", r#","token":9"#),
        ("depths", r#","token":9,"first":7,"count":3,"most":10,"halves":true"#),
        ("next", r#","token":9,"most":20"#),
        ("sample", r#","draws":1000"#),
        ("look", r#","sites":[{"site":"blocks.2.attn.pattern"},{"site":"logits"}]"#),
        ("repeat", r#","tokens":3"#),
    ];
    let of_model = [("map", ""), ("map/points", ""), ("map/near", r#","id":3"#), ("analogy", "")];
    let ask = |name: &str, body: &str| {
        let answer = served.answer(&format!("POST /api/{name}"), body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{name} {body}: {answer}");
    };
    ask("vocabularies", r#"{"prompt":"the bird"}"#);
    for text in 0..6 {
        for model in ["one", "two", "three"] {
            let prompt = town[text * 700..][..500].replace('\n', " ");
            for (name, more) in of_text {
                ask(name, &format!(r#"{{"model":"{model}","prompt":"{prompt}"{more}}}"#));
            }
            for (name, more) in of_model {
                ask(name, &format!(r#"{{"model":"{model}"{more}}}"#));
            }
        }
    }

    let status = format!("/proc/{}/status", served.program.id());
    let status = std::fs::read_to_string(status).unwrap();
    let number = |text: &str| -> usize {
        text.split(|sign: char| !sign.is_ascii_digit()).find_map(|part| part.parse().ok()).unwrap()
    };
    let held = number(status.split_once("VmRSS:").unwrap().1) >> 10;
    drop(served);
    let output = output.join().unwrap().unwrap();
    let plans = output.lines().filter(|line| line.contains("memory planned"));
    let planned: Vec<usize> =
        plans.map(|line| number(line.split_once(" bytes=").unwrap().1)).collect();
    assert_eq!(planned.len(), 4, "three models, and what the page remembers: {output}");
    let planned = planned.iter().sum::<usize>() >> 20;
    println!("{held} MB are held, and {planned} MB were planned");
    assert!(held <= planned + ALLOWED, "{held} MB are held, and {planned} MB were planned");
}
