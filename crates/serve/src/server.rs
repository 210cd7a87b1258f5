//! Listens, and answers each connection on its own.

use std::{
    future::Future,
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{Router, extract::Request, middleware, middleware::Next};
use hyper::service::{Service as _, service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use lookback_engine::ThreadPool;
use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_lens::Intervention;
use lookback_model::PassVariant;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    api,
    connections::{Connection, Connections},
    files, matrix_caches,
    models::ServedModel,
    origin_check::{self, OriginCheck},
    pass_cache, prefix_caches,
    state::AppState,
    training::Training,
    write_timeout::{CountedBody, TimeoutStream},
};

/// How long the head of a request may take, and how long a connection may idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of a request's head, and of an answer that stand ready to be written.
const BUFFER: usize = 128 << 10;

/// The page and the models behind it, not yet at any address. A clone shares all.
#[derive(Clone, Debug)]
pub struct Server {
    state: AppState,
}

/// Bytes of the vocabularies that are known by name, once a text was cut by them.
const VOCABULARY_BYTES: usize = 96 << 20;

impl Server {
    /// Bytes that are held between requests at most, beside weights and tokenizers, unless one request
    /// asks for more: what is remembered of passes and of the texts that readers write on, matrices that
    /// logits are taken apart with, and the vocabularies that texts are compared in.
    pub const MAX_CACHE_BYTES: usize = pass_cache::MAX_BYTES
        + prefix_caches::MAX_BYTES
        + matrix_caches::MAX_BYTES
        + VOCABULARY_BYTES;

    /// A server without models, whose passes this pool computes.
    pub fn new(pool: Arc<ThreadPool>) -> Result<Self> {
        Ok(Self { state: AppState::new(pool, &origin_check::random_token()?) })
    }

    /// Shows a model; one of the same name is replaced.
    pub fn put_model(&self, model: ServedModel) {
        self.state.models.put(model);
    }

    /// Changes what stands at sites of each pass that is looked at or generates.
    #[must_use]
    pub fn with_interventions(mut self, interventions: Vec<Intervention>) -> Self {
        self.state.interventions = Arc::new(interventions);
        self
    }

    /// Makes a variant of each of these passes.
    #[must_use]
    pub fn with_variant(mut self, variant: PassVariant) -> Self {
        self.state.variant = variant;
        self
    }

    /// Lets another pool compute, as when a training ends that had the others busy.
    pub fn set_pool(&self, pool: Arc<ThreadPool>) {
        self.state.passes.set_pool(pool);
    }

    /// Lets no pass take more than half of what is free, nor the texts of a model more than their share of
    /// that half; `free` says how much is free, where the system tells it.
    pub fn limit_memory(&self, free: fn() -> Option<usize>) {
        self.state.passes.limit_memory(free);
    }

    /// Where to tell how a training goes.
    pub fn training(&self) -> Training {
        self.state.training.clone()
    }

    /// How many changed passes its sweeps have made so far.
    pub fn changed_passes(&self) -> usize {
        self.state.changed_passes.load(Ordering::Relaxed)
    }

    /// All routes, for a server that is reached as `host` at `port`.
    pub fn router(&self, host: &str, port: u16) -> Router {
        let origin_check = OriginCheck::new(host, port);
        let check = move |request: Request, next: Next| origin_check.clone().check(request, next);
        api::routes()
            .with_state(self.state.clone())
            .layer(middleware::from_fn(check))
            .layer(middleware::map_response(files::with_headers))
    }

    /// Answers at an address until `stop` comes.
    pub async fn run(&self, listener: Listener, stop: impl Future<Output = ()>) -> Result<()> {
        let failed = |error| Refusal::ours(format!("the address cannot be listened at ({error})"));
        let Listener { listener, host, address } = listener;
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        let router = self.router(&host, address.port());
        let connections = Connections::default();
        tokio::pin!(stop);
        loop {
            let stream = tokio::select! {
                () = &mut stop => return Ok(()),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) if is_of_one_client(&error) => continue,
                    // Out of file descriptors, most likely.
                    Err(_) => {
                        connections.close_idle();
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        continue;
                    }
                },
            };
            tokio::spawn(answer(stream, router.clone(), connections.open()));
        }
    }
}

/// A client that went away before it was accepted.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Answers what comes over one connection, until either side ends it.
async fn answer(stream: TcpStream, router: Router, connection: Arc<Connection>) {
    let _it_only_saves_waiting = stream.set_nodelay(true);
    let routes = TowerToHyperService::new(router);
    let this = connection.clone();
    let service = service_fn(move |request| {
        let (answer, routed) = (this.begin_response(), routes.call(request));
        async move { routed.await.map(|response| response.map(|body| CountedBody::new(body, answer))) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(TimeoutStream::new(stream, connection.clone())), service);
    tokio::select! {
        // A client that goes away is no error of ours.
        _ = served => {}
        () = connection.closed() => {}
    }
}

/// An address that is taken.
#[derive(Debug)]
pub struct Listener {
    listener: std::net::TcpListener,
    host: String,
    address: SocketAddr,
}

impl Listener {
    /// Takes an address at one of `ports`, the first that is free.
    pub fn new(host: &str, ports: impl IntoIterator<Item = u16>) -> Result<Self> {
        let host = host.trim_matches(['[', ']']);
        let mut error = None;
        for port in ports {
            let listen = |addresses: &[SocketAddr]| std::net::TcpListener::bind(addresses);
            let addresses: Vec<SocketAddr> = (host, port)
                .to_socket_addrs()
                .map_err(|error| {
                    let setting = Setting("host");
                    Refusal::of(
                        Kind::InvalidSetting,
                        format!("{setting} {host}: it is no address here ({error})"),
                    )
                })?
                .collect();
            match listen(&addresses) {
                Ok(listener) => return Self::from_std(listener, host),
                Err(taken) => error = Some((port, taken)),
            }
        }
        Err(Refusal::user(match error {
            Some((port, error)) => format!(
                "{host}:{port} cannot be listened at ({error}); give another {} or {}",
                Setting("port"),
                Setting("host")
            ),
            None => format!("no port was given to listen at on {host}"),
        }))
    }

    fn from_std(listener: std::net::TcpListener, host: &str) -> Result<Self> {
        let failed = |error| Refusal::ours(format!("the address cannot be listened at ({error})"));
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, host: host.to_owned(), address })
    }

    /// Where a browser finds it.
    pub fn url(&self) -> String {
        let port = self.address.port();
        match self.address.ip() {
            ip if ip.is_unspecified() => format!("http://127.0.0.1:{port}/"),
            ip => format!("http://{}/", SocketAddr::new(ip, port)),
        }
    }
}
