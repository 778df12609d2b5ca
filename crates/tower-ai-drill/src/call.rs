//! What a caller asks, and where.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};

use crate::Dialect;
use crate::provider::CALL_HEADER;

/// Where a contender finds a provider, and what it must know to call it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// The provider's name.
    pub name: String,
    /// Its base URL, without a path.
    pub url: String,
    /// Its dialect.
    pub dialect: Dialect,
    /// The model to ask for.
    pub model: String,
    /// The key to show. It opens nothing but a fake provider.
    pub key: String,
    /// What it fails together with, if anything.
    pub domain: Option<String>,
    /// The words that a prompt may have, if there is a limit.
    pub window: Option<u64>,
}

impl Endpoint {
    /// Creates an endpoint with the model `{name}-1` and the key `key-{name}`.
    pub fn new(name: impl Into<String>, url: impl Into<String>, dialect: Dialect) -> Self {
        let name = name.into();
        Self {
            url: url.into(),
            dialect,
            model: format!("{name}-1"),
            key: format!("key-{name}"),
            domain: None,
            window: None,
            name,
        }
    }
}

/// One call, as the application makes it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_drill::{Call, Dialect, Endpoint};
///
/// let endpoint = Endpoint::new("alpha", "http://127.0.0.1:4000", Dialect::OpenAi);
/// let call = Call::new("7", "how are you", Duration::from_secs(30)).streamed();
/// let request = call.request(&endpoint)?;
/// assert_eq!(request.uri(), "http://127.0.0.1:4000/v1/chat/completions");
/// assert_eq!(request.headers()["x-drill-call"], "7");
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// Its id; every attempt carries it in the header `x-drill-call`.
    pub id: String,
    /// What is asked.
    pub prompt: String,
    /// Whether the answer is to come as a stream.
    pub stream: bool,
    /// How long the caller waits for the whole answer, on the wall.
    pub deadline: Duration,
}

impl Call {
    /// Creates a call for a plain answer.
    pub fn new(id: impl Into<String>, prompt: impl Into<String>, deadline: Duration) -> Self {
        Self {
            id: id.into(),
            prompt: prompt.into(),
            stream: false,
            deadline,
        }
    }

    /// Asks for a stream.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        self.stream = true;
        self
    }

    /// The call as a request to an endpoint: path, key and body in its dialect.
    ///
    /// # Errors
    ///
    /// If the endpoint's URL or key, or the call's id, cannot stand in a request.
    pub fn request(&self, endpoint: &Endpoint) -> Result<Request<Bytes>, http::Error> {
        let wire = endpoint.dialect.wire();
        let put = wire.put(&endpoint.model, &self.prompt, self.stream);
        let uri: Uri = format!("{}{}", endpoint.url, put.path).parse()?;
        let mut key = HeaderValue::try_from(format!("{}{}", put.key_prefix, endpoint.key))?;
        key.set_sensitive(true);
        Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(CONTENT_TYPE, "application/json")
            .header(put.key_header, key)
            .header(CALL_HEADER, &self.id)
            .body(Bytes::from(put.body.to_string()))
    }
}
