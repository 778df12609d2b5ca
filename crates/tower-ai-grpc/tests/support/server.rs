//! The model, on a runtime of its own, so that killing it closes its sockets.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

use super::model::model_server::{Model, ModelServer};
use super::model::{EmbedReply, EmbedRequest, GenerateRequest, Part, Token, UploadReply};

/// What a server does with a call.
#[derive(Clone)]
pub(crate) enum Mode {
    /// Answers.
    Well,
    /// Says so at once: trailers-only.
    Says(Status),
    /// Sends a head first, and so many tokens, and says so in the trailers.
    SaysAfter(u32, Status),
    /// Sends a head and so many tokens, and then nothing.
    StallsAfter(u32),
    /// Never answers.
    Stalls,
    /// Waits, and then says so.
    SaysLate(Duration, Status),
}

struct Script {
    name: &'static str,
    mode: Mutex<Mode>,
    seen: Mutex<Vec<HeaderMap>>,
    parts: AtomicU32,
}

/// A running server. Dropped, it is killed.
pub(crate) struct Server {
    runtime: Option<Runtime>,
    pub(crate) address: SocketAddr,
    script: Arc<Script>,
}

impl Server {
    pub(crate) fn start(name: &'static str) -> Self {
        let script = Arc::new(Script {
            name,
            mode: Mutex::new(Mode::Well),
            seen: Mutex::default(),
            parts: AtomicU32::new(0),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let service = ModelServer::new(Service(script.clone()));
        runtime.spawn(async move {
            let incoming = TcpListenerStream::new(TcpListener::from_std(listener).unwrap());
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming)
                .await
        });
        Self {
            runtime: Some(runtime),
            address,
            script,
        }
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.script.mode.lock().unwrap() = mode;
    }

    /// The metadata of the calls that came, in order.
    pub(crate) fn seen(&self) -> Vec<HeaderMap> {
        self.script.seen.lock().unwrap().clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.script.seen.lock().unwrap().len()
    }

    /// The parts of uploads that came.
    pub(crate) fn parts(&self) -> u32 {
        self.script.parts.load(Ordering::Relaxed)
    }

    pub(crate) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // On a thread of its own, because a test's runtime must not block on another.
            let end = move || runtime.shutdown_timeout(super::LONG);
            std::thread::spawn(end).join().unwrap();
        }
    }

    pub(crate) fn channel(&self) -> Channel {
        channel(self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy()
}

struct Service(Arc<Script>);

type Tokens = Pin<Box<dyn Stream<Item = Result<Token, Status>> + Send>>;

impl Service {
    fn enter<T>(&self, request: &Request<T>) -> Mode {
        let headers = request.metadata().clone().into_headers();
        self.0.seen.lock().unwrap().push(headers);
        self.0.mode.lock().unwrap().clone()
    }

    /// What is done before anything is answered.
    async fn before<T>(&self, request: &Request<T>) -> Result<Mode, Status> {
        let mode = self.enter(request);
        match &mode {
            Mode::Says(status) => Err(status.clone()),
            Mode::Stalls => std::future::pending().await,
            Mode::SaysLate(wait, status) => {
                tokio::time::sleep(*wait).await;
                Err(status.clone())
            }
            _ => Ok(mode),
        }
    }
}

fn token(text: impl Into<String>) -> Result<Token, Status> {
    Ok(Token { text: text.into() })
}

/// The tokens of an answer, broken as the mode says.
fn tokens(mode: Mode, wanted: u32) -> Tokens {
    let some = |count: u32| tokio_stream::iter((0..count).map(|n| token(n.to_string())));
    match mode {
        Mode::SaysAfter(count, status) => {
            Box::pin(some(count).chain(tokio_stream::once(Err(status))))
        }
        Mode::StallsAfter(count) => Box::pin(some(count).chain(tokio_stream::pending())),
        _ => Box::pin(some(wanted)),
    }
}

#[tonic::async_trait]
impl Model for Service {
    async fn embed(&self, request: Request<EmbedRequest>) -> Result<Response<EmbedReply>, Status> {
        self.before(&request).await?;
        Ok(Response::new(EmbedReply {
            server: self.0.name.to_owned(),
            length: u32::try_from(request.get_ref().text.len()).unwrap(),
        }))
    }

    type GenerateStream = Tokens;

    async fn generate(
        &self,
        request: Request<GenerateRequest>,
    ) -> Result<Response<Tokens>, Status> {
        let mode = self.before(&request).await?;
        Ok(Response::new(tokens(mode, request.get_ref().tokens)))
    }

    async fn upload(
        &self,
        mut request: Request<Streaming<Part>>,
    ) -> Result<Response<UploadReply>, Status> {
        let mode = self.enter(&request);
        let mut parts = 0;
        while request.get_mut().message().await?.is_some() {
            parts += 1;
            self.0.parts.fetch_add(1, Ordering::Relaxed);
        }
        match mode {
            Mode::Says(status) => Err(status),
            _ => Ok(Response::new(UploadReply {
                server: self.0.name.to_owned(),
                parts,
            })),
        }
    }

    type ChatStream = Tokens;

    async fn chat(&self, request: Request<Streaming<Part>>) -> Result<Response<Tokens>, Status> {
        self.before(&request).await?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut parts = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(part)) = parts.message().await {
                if sender.send(token(format!("re: {}", part.text))).is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(
            receiver,
        ))))
    }
}
