//! Who may ask, and what is answered to who may not.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{self, PORT, ask, get, routes, server};
use axum::{
    body::Body,
    http::{HeaderName, Request, StatusCode, header},
};

/// What a request for the page gets when it says this.
async fn status(says: &[(HeaderName, &str)], path: &str) -> StatusCode {
    let mut request = Request::get(path);
    for (name, value) in says {
        request = request.header(name, *value);
    }
    let answer = ask(&routes(), request.body(Body::empty()).unwrap()).await;
    if answer.status != StatusCode::OK {
        answer.error();
    }
    answer.status
}

const OK: StatusCode = StatusCode::OK;
const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;

#[tokio::test]
async fn a_request_for_another_host_is_refused() {
    for host in ["127.0.0.1:4747", "localhost:4747", "LOCALHOST:4747", "[::1]:4747"] {
        assert_eq!(status(&[(header::HOST, host)], "/").await, OK, "{host}");
    }
    for host in [
        "evil.example:4747",
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:80",
        "localhost:4747.evil.example",
        "localhost.evil.example:4747",
        "192.168.1.7:4747",
        "",
        ":4747",
        "[::1]",
    ] {
        assert_eq!(status(&[(header::HOST, host)], "/").await, FORBIDDEN, "{host}");
    }
    assert_eq!(status(&[], "/").await, FORBIDDEN);
    assert_eq!(
        status(&[(header::HOST, "localhost:4747")], "http://evil.example/").await,
        FORBIDDEN
    );
    let two = [(header::HOST, "localhost:4747"), (header::HOST, "evil.example")];
    assert_eq!(status(&two, "/").await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_server_on_every_address_answers_to_numbers_and_not_to_names() {
    let routes = server().router("0.0.0.0", PORT);
    for (host, expected) in
        [("192.168.1.7:4747", OK), ("localhost:4747", OK), ("evil.example:4747", FORBIDDEN)]
    {
        let request = Request::get("/").header(header::HOST, host).body(Body::empty()).unwrap();
        assert_eq!(ask(&routes, request).await.status, expected, "{host}");
    }
}

#[tokio::test]
async fn a_request_from_another_page_is_refused() {
    let host = (header::HOST, "127.0.0.1:4747");
    for (origin, expected) in [
        ("http://127.0.0.1:4747", OK),
        ("http://localhost:4747", OK),
        ("http://127.0.0.1:4748", FORBIDDEN),
        ("https://127.0.0.1:4747", FORBIDDEN),
        ("http://evil.example", FORBIDDEN),
        ("null", FORBIDDEN),
    ] {
        let says = [host.clone(), (header::ORIGIN, origin)];
        assert_eq!(status(&says, "/api/models").await, expected, "{origin}");
    }
}

#[tokio::test]
async fn another_site_can_link_to_the_page_and_nothing_more() {
    let name = HeaderName::from_static;
    let cross = (name("sec-fetch-site"), "cross-site");
    let link = [(name("sec-fetch-mode"), "navigate"), (name("sec-fetch-dest"), "document")];
    let host = (header::HOST, "127.0.0.1:4747");
    let says = [host.clone(), cross.clone()];
    assert_eq!(status(&says, "/").await, FORBIDDEN);
    let says = [vec![host.clone(), cross], link.to_vec()].concat();
    assert_eq!(status(&says, "/").await, OK);
    assert_eq!(status(&says, "/api/models").await, FORBIDDEN);
    assert_eq!(status(&[host, (name("sec-fetch-site"), "same-origin")], "/api/models").await, OK);
}

#[tokio::test]
async fn every_page_holds_its_servers_token_and_lets_no_script_in() {
    let (one, other) = (ask(&routes(), get("/")).await, ask(&routes(), get("/")).await);
    let token = |answer: &fixture::Answer| {
        let (_, rest) = answer.text().split_once("name=\"lookback-token\" content=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    assert_eq!(token(&one).len(), 32);
    assert_ne!(token(&one), token(&other));
    let policy = one.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(one.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert!(!one.text().contains("<script>") && !one.text().contains("<style>"));
}

#[tokio::test]
async fn no_path_leads_out_of_the_pages_folder() {
    let routes = routes();
    for path in [
        "/../Cargo.toml",
        "/..%2fCargo.toml",
        "/%2e%2e/Cargo.toml",
        "/kit/../../Cargo.toml",
        "//etc/passwd",
        "/.git/config",
        "/src/lib.rs",
        "/index.html/",
        "/api/nothing",
    ] {
        let answer = ask(&routes, get(path)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        answer.error();
    }
}
