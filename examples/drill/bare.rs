//! No resilience at all: one attempt at the first target, and its timeout is the call's deadline.

use std::sync::Arc;

use http_body_util::Full;
use tower_ai_drill::{Call, Endpoint, Factory, Reply, contender_fn};

use crate::client::{self, Http};

pub(crate) fn factory() -> Factory {
    Arc::new(|setup| {
        let http = client::http();
        let first = setup.endpoints.first().cloned().ok_or("no target")?;
        Ok(Arc::new(contender_fn(move |call| {
            send(http.clone(), first.clone(), call)
        })))
    })
}

async fn send(http: Http, endpoint: Endpoint, call: Call) -> Reply {
    let request = match call.request(&endpoint) {
        Ok(request) => request.map(Full::new),
        Err(error) => return Reply::failed(&error),
    };
    let answer = async {
        match http.request(request).await {
            Ok(response) => Reply::read(endpoint.dialect, call.stream, response).await,
            Err(error) => Reply::failed(&error),
        }
    };
    match tokio::time::timeout(call.deadline, answer).await {
        Ok(reply) => reply,
        Err(elapsed) => Reply::failed(&elapsed),
    }
}
