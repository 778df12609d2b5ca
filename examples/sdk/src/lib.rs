//! The few lines that put tower-ai under SDK clients: copy what you need.

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use http::{Request, Response};
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt, service_fn};
use tower_ai::Stack;
use tower_ai::http::ReplayBody;

/// What a stack over reqwest sends: the body of an SDK's request, replayable.
pub type Body = ReplayBody<reqwest::Body>;

/// A `reqwest::Client` as the client below a stack.
///
/// Its error is concrete. A client whose error is a `Box<dyn Error>` makes rustc lose track of lifetimes when
/// the stack is called in an async block that must be `Send`.
pub type Client = BoxCloneSyncService<Request<Body>, Response<reqwest::Body>, reqwest::Error>;

/// Makes a `reqwest::Client` the client below a stack.
///
/// Switch its own retries and redirects off: the stack retries, and a redirect could carry a key elsewhere.
pub fn reqwest_client(client: reqwest::Client) -> Client {
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let client = client.clone();
        async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap))?;
            let response = client.execute(request).await?;
            Ok(Response::from(response))
        }
    }))
}

/// Puts a stack under async-openai, in place of its own retries, for `Client::with_http_service`.
pub fn under_async_openai(
    stack: Stack<Client>,
) -> BoxCloneSyncService<HttpRequestFactory, reqwest::Response, OpenAIError> {
    BoxCloneSyncService::new(service_fn(move |factory: HttpRequestFactory| {
        let stack = stack.clone();
        async move {
            let request = Request::try_from(factory.build().await?)?;
            let response = stack.oneshot(request).await.map_err(OpenAIError::Boxed)?;
            Ok(reqwest::Response::from(response.map(reqwest::Body::wrap)))
        }
    }))
}
