//! The page's own files: inside the program in a release, read from disk in a debug build, so that
//! a change of the page needs a reload only.

use axum::{
    extract,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{
    error_response::{ErrorResponse, Result},
    state::AppState,
};

#[derive(RustEmbed)]
#[folder = "web"]
struct Web;

/// Nothing from elsewhere, no script inside the page, and not in a frame.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; object-src 'none'";

/// A file of the page by its path; `/` is `index.html`.
pub(crate) async fn file(
    extract::State(state): extract::State<AppState>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response> {
    if method != Method::GET && method != Method::HEAD {
        return Err(ErrorResponse::not_found(format!(
            "there is nothing at {} to {method}",
            uri.path()
        )));
    }
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let found = is_plain(path).then(|| Web::get(path)).flatten();
    let file =
        found.ok_or_else(|| ErrorResponse::not_found(format!("there is no page /{path} here")))?;
    if path == "index.html" {
        return page(&file, &state.token);
    }
    // A tag of the content, so that an unchanged file need not be sent again.
    let hash = file.metadata.sha256_hash();
    let tag: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == *tag);
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let body = if known { Vec::new() } else { file.data.into_owned() };
    let headers = [(header::CONTENT_TYPE, kind(path)), (header::ETAG, &tag)];
    Ok((status, headers, body).into_response())
}

/// The page itself, with the token in its head.
fn page(file: &EmbeddedFile, token: &str) -> Result<Response> {
    let text = String::from_utf8_lossy(&file.data);
    let meta = format!("<head>\n<meta name=\"lookback-token\" content=\"{token}\">");
    let text = text.replacen("<head>", &meta, 1);
    Ok(([(header::CONTENT_TYPE, kind("index.html"))], text).into_response())
}

/// Letters, digits and single dots: no path that leads out of the folder.
fn is_plain(path: &str) -> bool {
    let is_plain = |part: &str| {
        let letters = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(letters)
    };
    path.split('/').all(is_plain)
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

/// What every answer says: what may run, that its type is meant, that it is not to be kept unasked.
pub(crate) async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        for path in [
            "../Cargo.toml",
            "kit/../../Cargo.toml",
            "..%2fCargo.toml",
            "kit//x",
            ".git/x",
            "C:\\x",
            "/etc/passwd",
            "",
        ] {
            assert!(!is_plain(path), "{path}");
        }
        assert!(is_plain("kit/matrix.js") && is_plain("kit/prose.css"));
    }
}
