//! A generated tonic client over two servers, of which one dies.
//!
//! `cargo run -p tower-ai-grpc --example grpc`
//!
//! What to copy is [`stack`]: the rest is two servers to try it on.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as HttpBody;
use model::model_client::ModelClient;
use model::model_server::{Model, ModelServer};
use model::{EmbedReply, EmbedRequest, GenerateRequest, Part, Token, UploadReply};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, Streaming};
use tower::ServiceBuilder;
use tower_ai_breaker::BreakerLayer;
use tower_ai_core::{BoxError, Budget, HttpCarry, Served, Target};
use tower_ai_failover::Failover;
use tower_ai_grpc::{
    FollowTrailers, GrpcClassify, GrpcGuardLayer, GrpcReplayLayer, GrpcStatusLayer, GrpcTargetLayer,
};
use tower_ai_retry::{RetryLayer, RetryPolicy};

// In your project this is `tonic::include_proto!("…")`.
#[path = "../tests/support/model.rs"]
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    unreachable_pub,
    missing_docs
)]
#[allow(missing_debug_implementations, unnameable_types)]
mod model;

/// The whole stack under a generated client, over these servers in the order of preference.
fn stack(
    servers: &[(&'static str, SocketAddr)],
) -> Result<
    impl GrpcService<
        Body,
        ResponseBody: HttpBody<Data = Bytes, Error: Into<BoxError> + Send> + Send + 'static,
        Future: Send,
    > + Clone
    + use<>,
    BoxError,
> {
    // One budget for the extra attempts of all targets: the router pays in, retries only draw.
    let budget = Budget::default();
    let retry = RetryPolicy::new()
        .budget(budget.without_deposit())
        .classify(GrpcClassify::new())
        .carry(HttpCarry);
    let breaker = BreakerLayer::adaptive()
        .follow(FollowTrailers::new())
        .carry(HttpCarry);
    let guard = GrpcGuardLayer::new().stall_timeout(Duration::from_secs(20))?;

    let mut targets = Vec::new();
    for (name, address) in servers {
        let target = Target::new(*name)?;
        let channel = Channel::from_shared(format!("http://{address}"))?.connect_lazy();
        let service = ServiceBuilder::new()
            .layer(RetryLayer::new(retry.clone()))
            .layer(breaker.for_target(&target))
            .layer(guard.clone())
            .layer(GrpcTargetLayer::new())
            .service(channel);
        targets.push((target, service));
    }
    let router = Failover::new(targets)?
        .deadline(Duration::from_secs(30))?
        .budget(budget)
        .classify(GrpcClassify::new())
        .carry(HttpCarry);
    Ok(ServiceBuilder::new()
        .layer(GrpcStatusLayer::new())
        .layer(GrpcReplayLayer::new())
        .service(router))
}

fn main() -> Result<(), BoxError> {
    let (main, main_at) = serve("main")?;
    let (_backup, backup_at) = serve("backup")?;
    Runtime::new()?.block_on(async {
        let client = ModelClient::new(stack(&[("main", main_at), ("backup", backup_at)])?);
        call(client, || main.shutdown_background()).await
    })
}

/// Calls six times; after three calls `kill` is called.
async fn call<S>(mut client: ModelClient<S>, kill: impl FnOnce()) -> Result<(), BoxError>
where
    S: GrpcService<Body, ResponseBody: HttpBody<Data = Bytes, Error: Into<BoxError> + Send>>,
    S::ResponseBody: Send + 'static,
{
    let mut kill = Some(kill);
    for number in 1..=6 {
        let answer = client
            .embed(EmbedRequest {
                text: "hello".into(),
            })
            .await?;
        let attempts = answer
            .extensions()
            .get::<Served>()
            .map_or(1, Served::attempts);
        println!(
            "call {number}: {} answered, attempts: {attempts}",
            answer.get_ref().server
        );
        if number == 3
            && let Some(kill) = kill.take()
        {
            println!("main dies");
            kill();
        }
    }
    Ok(())
}

/// A server on a runtime of its own, so that it can die.
fn serve(name: &'static str) -> Result<(Runtime, SocketAddr), BoxError> {
    let runtime = Runtime::new()?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    runtime.spawn(async move {
        let incoming = TcpListenerStream::new(TcpListener::from_std(listener)?);
        let server = Server::builder().add_service(ModelServer::new(Named(name)));
        server.serve_with_incoming(incoming).await?;
        Ok::<_, BoxError>(())
    });
    Ok((runtime, address))
}

/// A model that only embeds, and says who it is.
struct Named(&'static str);

#[tonic::async_trait]
impl Model for Named {
    async fn embed(&self, request: Request<EmbedRequest>) -> Result<Response<EmbedReply>, Status> {
        let length = request.into_inner().text.len();
        Ok(Response::new(EmbedReply {
            server: self.0.to_owned(),
            length: u32::try_from(length).unwrap_or(u32::MAX),
        }))
    }

    type GenerateStream = tokio_stream::Empty<Result<Token, Status>>;

    async fn generate(
        &self,
        _: Request<GenerateRequest>,
    ) -> Result<Response<Self::GenerateStream>, Status> {
        Err(Status::unimplemented("it only embeds"))
    }

    async fn upload(&self, _: Request<Streaming<Part>>) -> Result<Response<UploadReply>, Status> {
        Err(Status::unimplemented("it only embeds"))
    }

    type ChatStream = tokio_stream::Empty<Result<Token, Status>>;

    async fn chat(
        &self,
        _: Request<Streaming<Part>>,
    ) -> Result<Response<Self::ChatStream>, Status> {
        Err(Status::unimplemented("it only embeds"))
    }
}
