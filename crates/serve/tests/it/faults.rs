//! Bad input is refused in one sentence, and bad clients cost the others nothing.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::fixture::{self, ask, ask_json, model, model_with, post, routes, server};
use axum::http::{StatusCode, header};
use lookback_engine::ThreadPool;
use lookback_serve::{Listener, ServedModel, Server};
use lookback_text::Tokenizer;
use serde_json::json;
use tokio::sync::oneshot;

fn look(prompt: &str) -> serde_json::Value {
    json!({ "prompt": prompt, "sites": [{ "site": "logits" }] })
}

#[tokio::test]
async fn an_empty_prompt_is_the_token_that_begins_a_text_or_refused_by_name() {
    let pool = Arc::new(ThreadPool::single_threaded());
    let server = Server::new(pool.clone()).unwrap();
    server.put_model(model("with", &pool));
    let tokenizer = Tokenizer::train_bpe(&["the bird is red"], 260, &[]).unwrap();
    server.put_model(ServedModel::new("without", model_with(tokenizer, &pool)).unwrap());
    let routes = server.router("127.0.0.1", fixture::PORT);
    let ask = async |model: &str| {
        ask_json(&routes, "/api/tokens", json!({ "model": model, "prompt": "" })).await
    };
    assert_eq!(ask("with").await.json()["pieces"], json!(["<|endoftext|>"]));
    let refused = ask("without").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        refused.error(),
        "the prompt is empty, and without has no token that begins a text; type something"
    );
}

#[tokio::test]
async fn prompts_that_are_too_long_are_refused_with_the_numbers_and_at_once() {
    let routes = routes();
    let began = Instant::now();
    for prompt in ["a".repeat(10_000), "the bird ".repeat(100_000), "\u{200d}".repeat(10_000)] {
        let refused = ask_json(&routes, "/api/look", look(&prompt)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        let error = refused.error();
        assert!(
            error.ends_with("tokens are more than this model's context of 64; shorten the prompt")
        );
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let refused = ask_json(&routes, "/api/look", look(&"a".repeat(2 << 20))).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    refused.error();
}

#[tokio::test]
async fn what_is_no_json_of_the_right_form_is_refused_in_a_sentence() {
    let routes = routes();
    let deep = format!("{{\"prompt\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{\"prompt\": 7, \"sites\": []}",
        b"{\"prompt\": \"\\ud800\", \"sites\": []}",
        b"{\"prompt\": \"\xff\xfe\", \"sites\": []}",
        b"{\"sites\": []}",
        b"{\"prompt\": \"a\", \"sites\": [{\"site\": \"logits\", \"at\": [-1]}]}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let refused = ask(&routes, post("/api/look", body.to_vec())).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body:?}");
        assert!(refused.error().starts_with("the request "), "{}", refused.error());
    }
    let refused = ask(&routes, post("/api/look", b"\"\xff\"".to_vec())).await;
    assert_eq!(refused.error(), "the request is no UTF-8 text at byte 1");
}

#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_passed_over() {
    let routes = routes();
    let body = json!({ "prompt": "the bird" }).to_string();
    let plain = ask(&routes, post("/api/tokens", body.clone())).await;
    let marked = ask(&routes, post("/api/tokens", format!("\u{feff}{body}"))).await;
    assert_eq!((plain.status, marked.status), (StatusCode::OK, StatusCode::OK));
    assert!(plain.bytes == marked.bytes);
    // Within the JSON it is a character as any other.
    let body = json!({ "prompt": "\u{feff}the bird" }).to_string();
    let within = ask(&routes, post("/api/tokens", body)).await;
    assert_eq!(within.status, StatusCode::OK);
    assert!(plain.bytes != within.bytes);
    for body in ["\u{feff}", "{\u{feff}\"prompt\": \"the bird\"}"] {
        let refused = ask(&routes, post("/api/tokens", body)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body:?}");
        assert!(refused.error().starts_with("the request "), "{}", refused.error());
    }
}

#[tokio::test]
async fn a_request_that_does_not_say_it_is_json_is_refused() {
    let routes = routes();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let mut request = post("/api/look", look("the bird").to_string());
        request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        let refused = ask(&routes, request).await;
        assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        refused.error();
    }
}

#[tokio::test]
async fn a_wrong_method_and_a_wrong_place_are_refused_in_a_sentence() {
    let routes = routes();
    for (request, status) in [
        (fixture::get("/api/look"), StatusCode::METHOD_NOT_ALLOWED),
        (post("/api/models", "{}"), StatusCode::METHOD_NOT_ALLOWED),
        (post("/kit/prose.css", "{}"), StatusCode::NOT_FOUND),
        (post("/api/none", "{}"), StatusCode::NOT_FOUND),
    ] {
        let refused = ask(&routes, request).await;
        assert_eq!(refused.status, status);
        refused.error();
    }
}

#[tokio::test]
async fn more_than_an_answer_holds_is_refused_and_repeating_a_name_costs_nothing() {
    let routes = routes();
    let many = |count: usize| vec![json!({ "site": "logits" }); count];
    let body = json!({ "prompt": "the bird", "sites": many(4096) });
    let answer = ask_json(&routes, "/api/look", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.bytes.len() < 100_000, "{}", answer.bytes.len());
    let body = json!({ "prompt": "the bird", "sites": many(4097) });
    assert_eq!(ask_json(&routes, "/api/look", body).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn scripts_in_prompts_and_names_stay_letters() {
    let routes = routes();
    let prompt = "<script>alert(1)</script> \u{202e}אדום 🐦";
    let answer = ask_json(&routes, "/api/tokens", json!({ "prompt": prompt })).await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let body = json!({ "model": prompt, "prompt": "a" });
    let refused = ask_json(&routes, "/api/tokens", body).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    refused.error();
}

#[tokio::test]
async fn two_readers_at_once_each_get_their_own() {
    let routes = routes();
    let logits = async |model: &str, prompt: &str| {
        let body = json!({ "model": model, "prompt": prompt, "sites": [{ "site": "logits" }] });
        ask_json(&routes, "/api/look", body).await.bytes
    };
    let alone = (logits("tiny", "the bird").await, logits("other", "a red house").await);
    let numbers = |file: &[u8]| {
        let file = safetensors::SafeTensors::deserialize(file).unwrap();
        file.tensor("logits").unwrap().data().to_vec()
    };
    for _ in 0..20 {
        let both = tokio::join!(logits("tiny", "the bird"), logits("other", "a red house"));
        assert_eq!(numbers(&both.0), numbers(&alone.0));
        assert_eq!(numbers(&both.1), numbers(&alone.1));
    }
}

/// A server at a real address, until the sender is dropped.
fn listening() -> (SocketAddr, oneshot::Sender<()>) {
    let listener = Listener::new("127.0.0.1", [0]).unwrap();
    let address = listener.url();
    let address = address.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = server();
    tokio::spawn(async move {
        server.run(listener, async move { drop(stopped.await) }).await.unwrap();
    });
    (address, stop)
}

/// Sends bytes, and reads the answer until the connection closes.
fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _it_may_be_cut = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(address: SocketAddr, line: &str, body: &str) -> Vec<u8> {
    format!(
        "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_slow_connections_hold_no_reader_up() {
    let (address, _stop) = listening();
    let slow: Vec<TcpStream> = (0..200)
        .map(|number| {
            let mut stream = TcpStream::connect(address).unwrap();
            let part = match number % 3 {
                0 => String::new(),
                1 => "POST /api/look HTTP/1.1\r\nhost: loc".to_owned(),
                _ => format!(
                    "POST /api/look HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
                     content-length: 100\r\n\r\n{{\"prompt\": "
                ),
            };
            stream.write_all(part.as_bytes()).unwrap();
            stream
        })
        .collect();
    let reader = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        for round in 0..10 {
            let body = look(&format!("the bird is red {round}")).to_string();
            let answer = raw(address, &request(address, "POST /api/look", &body));
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            assert!(raw(address, &request(address, "GET /", "")).contains("lookback-token"));
        }
        began.elapsed()
    });
    let took = reader.await.unwrap();
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(slow);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_sent_raw_does_not_lead_out_either() {
    let (address, _stop) = listening();
    for path in
        ["/../../Cargo.toml", "/kit/../../Cargo.toml", "/..\\..\\Cargo.toml", "/%2e%2e/Cargo.toml"]
    {
        let answer = raw(address, &request(address, &format!("GET {path}"), ""));
        assert!(
            answer.starts_with("HTTP/1.1 404") || answer.starts_with("HTTP/1.1 400"),
            "{answer}"
        );
        assert!(!answer.contains("[package]"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_while_it_waits_leaves_the_others_alone() {
    let (address, _stop) = listening();
    for number in 0..50 {
        let mut stream = TcpStream::connect(address).unwrap();
        let body = look(&format!("a house and {number} birds")).to_string();
        stream.write_all(&request(address, "POST /api/look", &body)).unwrap();
        drop(stream);
    }
    let body = look("the bird is red").to_string();
    let answer = raw(address, &request(address, "POST /api/look", &body));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn the_head_of_an_answer_comes_without_its_body() {
    let mut request = fixture::get("/kit/prose.css");
    *request.method_mut() = axum::http::Method::HEAD;
    let answer = ask(&routes(), request).await;
    assert_eq!(answer.status, StatusCode::OK);
    let tag = answer.headers[header::ETAG].clone();
    let mut request = fixture::get("/kit/prose.css");
    request.headers_mut().insert(header::IF_NONE_MATCH, tag);
    let answer = ask(&routes(), request).await;
    assert_eq!((answer.status, answer.bytes.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[tokio::test]
async fn files_of_the_page_are_compressed_for_clients_that_take_it() {
    let asked = async |encoding: Option<&'static str>| {
        let mut request = fixture::get("/kit/figure.css");
        let value = encoding.map(axum::http::HeaderValue::from_static);
        value.map(|value| request.headers_mut().insert(header::ACCEPT_ENCODING, value));
        ask(&routes(), request).await
    };
    let plain = asked(None).await;
    assert!(!plain.headers.contains_key(header::CONTENT_ENCODING));
    assert_eq!(asked(Some("gzip;q=0")).await.bytes, plain.bytes);
    let packed = asked(Some("br, gzip")).await;
    assert_eq!(packed.headers[header::CONTENT_ENCODING], "gzip");
    assert_eq!(packed.headers[header::VARY], "accept-encoding");
    assert_eq!(packed.headers[header::ETAG], plain.headers[header::ETAG]);
    assert!(2 * packed.bytes.len() < plain.bytes.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.bytes[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.bytes);
}
