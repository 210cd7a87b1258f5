//! From where requests are allowed. The page can start work and, later, write files, so only the page itself and
//! programs on this machine may: a page from elsewhere that the user has open must not reach it.
//!
//! 1. `Host` must be this server's own name. A page elsewhere whose name was changed to lead here
//!    (DNS rebinding) sends its own.
//! 2. `Origin`, where a browser sends it, must be this server.
//! 3. `Sec-Fetch-Site: cross-site` is refused, but for a link that opens the page itself.
//! 4. What changes anything also needs the token that stands in the page, which another origin
//!    cannot read.

use std::net::IpAddr;

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::Next,
    response::Response,
};

use crate::{
    error_response::{ErrorResponse, Result},
    state::AppState,
};

/// The header that carries the page's token.
pub(crate) const TOKEN_HEADER: &str = "x-lookback-token";

/// The names under which this server may be asked.
#[derive(Clone, Debug)]
pub(crate) struct OriginCheck {
    names: Vec<String>,
    port: u16,
    /// Listening on every address, it is reached by whichever number this machine has; a number
    /// cannot be made to lead elsewhere, a name can.
    any_address: bool,
}

impl OriginCheck {
    /// For a server that listens on `host`, as it was given, at this port.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        let address: Option<IpAddr> = host.parse().ok();
        let mut names: Vec<String> = ["127.0.0.1", "localhost", "[::1]"].map(str::to_owned).into();
        names.push(match address {
            Some(IpAddr::V6(address)) => format!("[{address}]"),
            _ => host.to_ascii_lowercase(),
        });
        Self { names, port, any_address: address.is_some_and(|address| address.is_unspecified()) }
    }

    /// Lets a request through or says why not.
    pub(crate) async fn check(self, request: Request, next: Next) -> Result<Response> {
        let headers = request.headers();
        let host = single_header(headers, header::HOST)?;
        let uri_host = request.uri().authority().map(|authority| authority.as_str());
        if !host.or(uri_host).is_some_and(|host| self.is_own_host(host))
            || !uri_host.is_none_or(|host| self.is_own_host(host))
        {
            return Err(ErrorResponse::forbidden(format!(
                "the request is for another host; open http://127.0.0.1:{}",
                self.port
            )));
        }
        if let Some(origin) = single_header(headers, header::ORIGIN)? {
            let is_mine = origin.strip_prefix("http://").is_some_and(|host| self.is_own_host(host));
            if !is_mine {
                return Err(ErrorResponse::forbidden("the request comes from another page"));
            }
        }
        if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
            && !is_a_link_followed(&request)
        {
            return Err(ErrorResponse::forbidden("the request comes from another site"));
        }
        Ok(next.run(request).await)
    }

    /// Whether `name:port` is this server.
    fn is_own_host(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        let name = name.to_ascii_lowercase();
        let is_number = || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        port == Some(self.port) && (self.names.contains(&name) || self.any_address && is_number())
    }
}

/// A header that may stand once.
fn single_header(headers: &HeaderMap, name: header::HeaderName) -> Result<Option<&str>> {
    let mut values = headers.get_all(&name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(ErrorResponse::bad_request(format!("the request has two headers {name}")));
    }
    // What is no text is no name of ours.
    Ok(first.map(|value| value.to_str().unwrap_or_default()))
}

/// The user followed a link to the page from elsewhere, in a tab of its own.
fn is_a_link_followed(request: &Request) -> bool {
    let is = |name, value: &str| request.headers().get(name).is_some_and(|found| found == value);
    request.method() == Method::GET
        && !request.uri().path().starts_with("/api/")
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
}

/// Taken by a handler that changes anything: the request holds the page's token.
#[derive(Debug)]
#[allow(dead_code, reason = "nothing that the page asks for changes anything yet")]
pub(crate) struct PageToken;

impl FromRequestParts<AppState> for PageToken {
    type Rejection = ErrorResponse;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let given = parts.headers.get(TOKEN_HEADER).map(|value| value.as_bytes());
        match given {
            Some(given) if given == state.token.as_bytes() => Ok(Self),
            _ => Err(ErrorResponse::forbidden(
                "this changes something, and only the page that was opened here may; reload it",
            )),
        }
    }
}

/// A token that cannot be guessed.
pub(crate) fn random_token() -> lookback_files::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        lookback_files::Refusal::ours(format!("the system gives no random numbers ({error})"))
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::StatusCode, routing::post};
    use lookback_engine::ThreadPool;
    use tower::ServiceExt;

    use super::*;

    /// What a request gets that would change something, when it holds this token.
    async fn status(given: Option<&str>) -> StatusCode {
        let state = AppState::new(ThreadPool::single_threaded().into(), "0123");
        let change = async |_: PageToken| ();
        let routes = Router::new().route("/", post(change)).with_state(state);
        let mut request = Request::post("/");
        if let Some(given) = given {
            request = request.header(TOKEN_HEADER, given);
        }
        routes.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn only_who_holds_the_token_may_change_anything() {
        assert_eq!(status(Some("0123")).await, StatusCode::OK);
        for given in [None, Some(""), Some("012"), Some("01234"), Some("4567")] {
            assert_eq!(status(given).await, StatusCode::FORBIDDEN, "{given:?}");
        }
    }
}
