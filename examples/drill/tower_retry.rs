//! tower's own retry, set up as its docs recommend: a budget, backoff with jitter, three attempts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Error;
use tower::retry::backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff};
use tower::retry::budget::{Budget, TpsBudget};
use tower::retry::{Policy, Retry};
use tower::util::rng::HasherRng;
use tower::{Layer, ServiceExt, retry::RetryLayer};
use tower_ai_drill::{Call, Endpoint, Factory, Reply, Scale, contender_fn};

use crate::BoxError;
use crate::client::{self, Http};

/// The retries after the first attempt.
const RETRIES: usize = 2;

pub(crate) fn factory() -> Factory {
    Arc::new(|setup| {
        let first = setup.endpoints.first().cloned().ok_or("no target")?;
        let stack = RetryLayer::new(policy(setup.scale)?).layer(client::http());
        Ok(Arc::new(contender_fn(move |call| {
            send(stack.clone(), first.clone(), call)
        })))
    })
}

/// 100 ms to 2 s of outage time between attempts, half of it jitter; and the budget that is tower's
/// default: one retry for five calls of the last 10 s, and ten a second beside.
fn policy(scale: Scale) -> Result<Attempts, BoxError> {
    let wait = |millis| scale.to_wall(Duration::from_millis(millis));
    let mut backoff = ExponentialBackoffMaker::new(wait(100), wait(2_000), 0.5, HasherRng::new())?;
    // It cannot remember less than a second.
    let memory = wait(10_000).clamp(Duration::from_secs(1), Duration::from_secs(60));
    let beside = (10.0 * scale.factor()).clamp(1.0, 1e6);
    Ok(Attempts {
        left: RETRIES,
        budget: Arc::new(TpsBudget::new(memory, beside as u32, 0.2)),
        backoff: backoff.make_backoff(),
    })
}

async fn send(stack: Retry<Attempts, Http>, endpoint: Endpoint, call: Call) -> Reply {
    let request = match call.request(&endpoint) {
        Ok(request) => request.map(Full::new),
        Err(error) => return Reply::failed(&error),
    };
    let answer = async {
        match stack.oneshot(request).await {
            Ok(response) => Reply::read(endpoint.dialect, call.stream, response).await,
            Err(error) => Reply::failed(&error),
        }
    };
    match tokio::time::timeout(call.deadline, answer).await {
        Ok(reply) => reply,
        Err(elapsed) => Reply::failed(&elapsed),
    }
}

/// Retries errors of the connection, 429s and 5xx.
#[derive(Clone)]
struct Attempts {
    left: usize,
    budget: Arc<TpsBudget>,
    backoff: ExponentialBackoff,
}

impl Policy<Request<Full<Bytes>>, Response<Incoming>, Error> for Attempts {
    type Future = tokio::time::Sleep;

    fn retry(
        &mut self,
        _: &mut Request<Full<Bytes>>,
        result: &mut Result<Response<Incoming>, Error>,
    ) -> Option<Self::Future> {
        let failed = match result {
            Ok(answer) => answer.status() == 429 || answer.status().is_server_error(),
            Err(_) => true,
        };
        if !failed {
            self.budget.deposit();
            return None;
        }
        if self.left == 0 || !self.budget.withdraw() {
            return None;
        }
        self.left -= 1;
        Some(self.backoff.next_backoff())
    }

    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}
