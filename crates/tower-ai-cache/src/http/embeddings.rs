//! An embedder behind an OpenAI-compatible `/v1/embeddings`.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, InvalidHeaderValue};
use http::{Request, Response, Uri};
use http_body::Body;
use serde_json::{Value, json};
use tower_ai_core::{BoxError, Outcome, error::Failed};
use tower_service::Service;

use super::body::poll_bytes;

/// The most bytes of an answer: 2,048 vectors of 3,072 numbers and more.
const LONGEST: usize = 64 << 20;

/// Turns texts into vectors by an OpenAI-compatible `/v1/embeddings`, over any HTTP client that is a service.
///
/// Retry, breaker and failover go around it as around any service: each target is one of these.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use tower::{ServiceExt, service_fn};
/// use tower_ai_cache::http::Embeddings;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let client = service_fn(|_request: http::Request<Full<Bytes>>| async {
///     let answer = r#"{"data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0]}]}"#;
///     Ok::<_, std::io::Error>(http::Response::new(Full::<Bytes>::from(answer)))
/// });
/// let uri = "https://api.example.com/v1/embeddings".parse()?;
/// let embedder = Embeddings::new(client, uri, "text-embedding-3-small").key("secret")?;
///
/// let vectors = embedder.oneshot(vec!["one".to_owned(), "two".to_owned()]).await?;
/// assert_eq!(vectors, [[1.0, 0.0], [0.0, 1.0]], "in the order of the texts");
/// # Ok::<(), tower_ai_core::BoxError>(()) }).unwrap();
/// ```
pub struct Embeddings<S, B> {
    client: S,
    uri: Uri,
    model: Box<str>,
    key: Option<HeaderValue>,
    body: PhantomData<fn() -> B>,
}

impl<S, B> Embeddings<S, B> {
    /// Asks this model at this URI.
    pub fn new(client: S, uri: Uri, model: impl Into<Box<str>>) -> Self {
        Self {
            client,
            uri,
            model: model.into(),
            key: None,
            body: PhantomData,
        }
    }

    /// Sends this key as a bearer token. Defaults to none.
    ///
    /// # Errors
    ///
    /// Fails if it cannot stand in a header.
    pub fn key(mut self, key: &str) -> Result<Self, InvalidHeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {key}"))?;
        value.set_sensitive(true);
        self.key = Some(value);
        Ok(self)
    }

    fn request(&self, texts: &[String]) -> Request<B>
    where
        B: From<Bytes>,
    {
        let body = json!({ "model": self.model, "input": texts, "encoding_format": "float" });
        let mut request = Request::new(B::from(Bytes::from(body.to_string())));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            headers.insert(AUTHORIZATION, key.clone());
        }
        request
    }
}

impl<S, B, R> Service<Vec<String>> for Embeddings<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: From<Bytes>,
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    type Response = Vec<Vec<f32>>;
    type Error = BoxError;
    type Future = Embedded;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.client.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, texts: Vec<String>) -> Embedded {
        let request = self.request(&texts);
        let response = self.client.call(request);
        Embedded(Box::pin(async move {
            let response = response.await.map_err(Into::into)?;
            if !response.status().is_success() {
                return Err(refused(response.status()));
            }
            let body = collect(response.into_body()).await?;
            read(&body, texts.len()).ok_or_else(|| "no embeddings in the answer".into())
        }))
    }
}

fn refused(status: http::StatusCode) -> BoxError {
    let outcome = match status.as_u16() {
        429 => Outcome::RateLimited { wait: None },
        401 | 403 => Outcome::Unauthorized,
        503 | 529 => Outcome::Overloaded { wait: None },
        400..500 => Outcome::Invalid,
        _ => Outcome::Fault,
    };
    Failed::new(outcome, format!("embeddings: status {status}")).into()
}

async fn collect<R>(body: R) -> Result<Vec<u8>, BoxError>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|cx| poll_bytes(body.as_mut(), cx)).await {
        if let Ok(data) = frame.map_err(Into::into)?.into_data() {
            all.extend_from_slice(&data);
        }
        if all.len() > LONGEST {
            return Err("the answer is too long".into());
        }
    }
    Ok(all)
}

/// The vectors in the order of the texts, if each text has one.
fn read(body: &[u8], texts: usize) -> Option<Vec<Vec<f32>>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let mut vectors = vec![None; texts];
    for (i, item) in answer["data"].as_array()?.iter().enumerate() {
        let at = item["index"]
            .as_u64()
            .map_or(Some(i), |at| usize::try_from(at).ok())?;
        #[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
        let number = |x: &Value| x.as_f64().map(|x| x as f32);
        let vector: Option<Vec<_>> = item["embedding"].as_array()?.iter().map(number).collect();
        *vectors.get_mut(at)? = vector;
    }
    vectors.into_iter().collect()
}

/// The vectors of an [`Embeddings`], when they are there.
pub struct Embedded(Pin<Box<dyn Future<Output = Vectors> + Send>>);

type Vectors = Result<Vec<Vec<f32>>, BoxError>;

impl Future for Embedded {
    type Output = Vectors;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<S: Clone, B> Clone for Embeddings<S, B> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            uri: self.uri.clone(),
            model: self.model.clone(),
            key: self.key.clone(),
            body: PhantomData,
        }
    }
}

impl<S, B> fmt::Debug for Embeddings<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embeddings")
            .field("uri", &self.uri)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_a_vector_for_each_text_is_none() {
        for body in [
            "",
            "{}",
            r#"{"data":[]}"#,
            r#"{"data":[{"embedding":["x"]}]}"#,
            r#"{"data":[{"index":7,"embedding":[1]}]}"#,
            r#"{"data":[{"embedding":"AAAA"}]}"#,
        ] {
            assert_eq!(read(body.as_bytes(), 1), None, "{body}");
        }
        assert_eq!(
            read(br#"{"data":[{"embedding":[1]}]}"#, 1),
            Some(vec![vec![1.0]])
        );
    }
}
