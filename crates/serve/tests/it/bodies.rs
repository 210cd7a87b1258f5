//! Bodies that are too large, and clients that send them in every way: each hears why.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::fixture::{self, server};
use lookback_serve::Listener;
use tokio::sync::oneshot;

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

/// Sends parts, and reads the answer until the connection closes.
fn answer(address: SocketAddr, parts: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    for part in parts {
        stream.write_all(part).unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn head(address: SocketAddr, more: &str) -> String {
    format!(
        "POST /api/tokens HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\n{more}\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_too_much_hears_why_when_it_has_sent_it() {
    let (address, _stop) = listening();
    let asked = tokio::task::spawn_blocking(move || {
        let megabytes = vec![b'a'; 8 << 20];
        let known = head(address, &format!("content-length: {}", megabytes.len()));
        let chunked = head(address, "transfer-encoding: chunked");
        let size = format!("{:x}\r\n", megabytes.len());
        let waiting = head(address, "content-length: 9000000\r\nexpect: 100-continue");
        [
            answer(address, &[known.as_bytes(), &megabytes]),
            answer(address, &[chunked.as_bytes(), size.as_bytes(), &megabytes, b"\r\n0\r\n\r\n"]),
            answer(address, &[waiting.as_bytes()]),
        ]
    });
    for answer in asked.await.unwrap() {
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        let says = r#"{"error":"the request is larger than 1048576 bytes; shorten the prompt","kind":"invalid_input"}"#;
        assert!(answer.ends_with(says), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_answers_beside_connections_that_ask_nothing() {
    let (address, _stop) = listening();
    let asked = tokio::task::spawn_blocking(move || {
        let idle: Vec<TcpStream> = (0..400).map(|_| TcpStream::connect(address).unwrap()).collect();
        let body = r#"{"prompt": "the bird"}"#;
        let head = head(address, &format!("content-length: {}", body.len()));
        let answer = answer(address, &[head.as_bytes(), body.as_bytes()]);
        drop(idle);
        answer
    });
    let answer = asked.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"ids\""), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_without_end_is_refused() {
    let (address, _stop) = listening();
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nx: ").unwrap();
        // The server stops reading at some point, and then closes.
        let mut sent = 0;
        while stream.write_all(&[b'a'; 4096]).is_ok() {
            sent += 4096;
            assert!(sent < 64 << 20, "a head has no end");
        }
        sent
    });
    assert!(asked.await.unwrap() > 0);
}

#[tokio::test]
async fn settings_that_no_sampler_has_are_refused_and_the_server_goes_on() {
    // llama.cpp 19367, 12178, gpt4all 3635, llamafile 835: one request ended the server, or took all of
    // its memory.
    let routes = fixture::routes();
    for settings in [
        r#""settings": {"temperature": 999999.0, "top_p": -1.0, "repetition_penalty": 0.0}"#,
        r#""settings": {"temperature": -1}"#,
        r#""settings": {"temperature": 1e999}"#,
        r#""settings": {"top_p": 2}"#,
        r#""settings": {"top_k": -1}"#,
        r#""settings": {"top_k": 1e300}"#,
        r#""settings": {"min_p": -0.5, "typical_p": 0}"#,
        r#""banned": [[], [4294967295]], "only": [], "logit_bias": {"-1": 1, "x": 1e308}"#,
        r#""tokens": 1000000000"#,
        r#""tokens": 18446744073709551616"#,
        r#""alternatives": 18446744073709551615"#,
        r#""behind": [-1]"#,
        r#""behind": [4294967295]"#,
        r#""behind": [320]"#,
        r#""bound": -1e308"#,
        r#""pause": 18446744073709551615, "tokens": 0"#,
        r#""seed": -1"#,
    ] {
        let body = format!("{{\"prompt\": \"the bird\", \"tokens\": 0, {settings}}}");
        let body = body.replacen("\"tokens\": 0, \"tokens\"", "\"tokens\"", 1);
        let answer = fixture::ask(&routes, fixture::post("/api/repeat", body)).await;
        assert!([200, 400].contains(&answer.status.as_u16()), "{settings}: {}", answer.status);
        if answer.status == 400 {
            assert!(answer.error().chars().count() < 800, "{settings}: {}", answer.error());
        }
    }
    // llama.cpp 10380: a text that fills the context is gone on with.
    let body = r#"{"prompt": "the bird is red", "tokens": 100, "alternatives": 1}"#;
    let answer = fixture::ask(&routes, fixture::post("/api/repeat", body)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("\"finish\""), "{}", answer.text());
}

#[tokio::test]
async fn a_refusal_repeats_no_page_of_the_request() {
    let routes = fixture::routes();
    let long = "x".repeat(900_000);
    for (place, body) in [
        ("/api/tokens", format!("{{\"model\": \"{long}\", \"prompt\": \"a\"}}")),
        ("/api/merges", format!("{{\"vocabulary\": \"{long}\", \"id\": 1}}")),
        ("/api/look", format!("{{\"prompt\": \"a\", \"sites\": [{{\"site\": \"{long}\"}}]}}")),
        ("/api/tokens", format!("\"{long}\"")),
        ("/api/repeat", format!("{{\"prompt\": \"a\", \"samplers\": \"{long}\"}}")),
    ] {
        let answer = fixture::ask(&routes, fixture::post(place, body)).await;
        assert!(answer.status.is_client_error(), "{place}: {}", answer.status);
        assert!(answer.error().chars().count() < 810, "{place}: {}", answer.error());
    }
}

#[tokio::test]
async fn a_text_whose_answer_would_be_a_hundred_times_as_long_is_refused_by_its_length() {
    let routes = fixture::routes();
    for (length, status) in [(32 << 10, 200), ((32 << 10) + 1, 400)] {
        let body = serde_json::json!({ "prompt": "\u{1}".repeat(length) });
        let answer = fixture::ask_json(&routes, "/api/vocabularies", body).await;
        assert_eq!(answer.status, status, "{length}");
    }
}
