//! All that is known of a target, and what it does to the head of a request.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, Version};
use tokio::time::Instant;
use tower_ai_core::{HttpCarry, Key, KeyRing, Outcome, Report, Target, Tuning};

use super::auth::{Auth, Credential};
use super::endpoint::Endpoint;
use super::error::{LayerRule, NotSent};
use super::hygiene;
use super::model::{Kind, Model};
use crate::splice::{Prefilled, Resume};
use crate::wait;
use crate::{Dialect, Prefill, WallTime};

/// The version of Anthropic's API that every call must name.
const ANTHROPIC_VERSION: (HeaderName, HeaderValue) = (
    HeaderName::from_static("anthropic-version"),
    HeaderValue::from_static("2023-06-01"),
);

#[derive(Clone)]
pub(super) struct Config {
    pub(super) target: Target,
    pub(super) dialect: Dialect,
    pub(super) auth: Option<Auth>,
    /// One; or, where the target has several keys, one for each.
    pub(super) credentials: Vec<Credential>,
    pub(super) tuning: Tuning,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) error_limit: usize,
    pub(super) error_time: Duration,
    pub(super) prefill: Option<Prefill>,
    endpoint: Endpoint,
    model: Option<Model>,
}

impl Config {
    pub(super) fn new(target: Target) -> Result<Self, LayerRule> {
        let endpoint = target.endpoint().ok_or(LayerRule::Endpoint)?;
        Ok(Self {
            endpoint: Endpoint::new(endpoint)?,
            model: target.model().map(Model::new),
            dialect: Dialect::of(&target),
            prefill: Prefill::of(&target),
            target,
            auth: None,
            credentials: Vec::new(),
            tuning: Tuning::new(),
            headers: Vec::new(),
            error_limit: 64 * 1024,
            error_time: Duration::from_secs(1),
        })
    }

    fn auth(&self) -> Auth {
        self.auth.clone().unwrap_or(Auth::of(self.dialect))
    }

    /// Takes the key whose turn it is, where the target has several.
    pub(super) fn take_key(&self) -> Result<Option<usize>, NotSent> {
        let Some(keys) = self.target.keys() else {
            return Ok(None);
        };
        let taken = keys.take(Instant::now(), &self.tuning);
        taken.map(Some).map_err(|wait| NotSent::KeysAway { wait })
    }

    /// Makes the head of a caller's request the target's, with this key of several. Returns whether the model is still to be
    /// replaced in the body.
    pub(super) fn prepare(&self, head: &mut Parts, key: Option<usize>) -> Result<bool, NotSent> {
        let path = self.without_version(head.uri.path());
        let model = self.model.as_ref();
        let new_path = model.and_then(|model| model.in_path(self.dialect, path));
        let auth = self.auth();
        let credential = self.credentials.get(key.unwrap_or(0));
        if key.is_some() && credential.is_none() && auth != Auth::Caller {
            return Err(NotSent::NoSecret);
        }
        let key = credential.and_then(|credential| credential.parameter(&auth));
        let keeps = auth == Auth::Caller;
        let query = self.endpoint.query(head.uri.query(), keeps, key.as_deref());
        let path = new_path.as_deref().unwrap_or(path);
        let url = self.endpoint.url(path, query.as_deref());
        head.uri = url.ok_or(NotSent::InvalidUrl)?;
        // What the caller's connection speaks is nothing to the target's.
        head.version = Version::HTTP_11;
        self.prepare_headers(&auth, credential, &mut head.headers);
        Ok(self.model.is_some() && new_path.is_none())
    }

    /// Learns from a good answer: what is left of rate limits, and that its key works.
    pub(super) fn answered<B>(&self, key: Option<usize>, response: &mut Response<B>) {
        let clocks = || (Instant::now(), WallTime::now());
        let told = wait::headroom(self.dialect, response.headers(), clocks);
        let Some((keys, number)) = self.target.keys().zip(key) else {
            if let Some((now, headroom)) = told {
                self.target.health().note_headroom(now, &headroom);
            }
            return;
        };
        keys.settle(number, Outcome::Success, Instant::now(), &self.tuning);
        let of_target = told
            .and_then(|(now, headroom)| Some((now, keys.note_headroom(number, now, &headroom)?)));
        if let Some((now, headroom)) = of_target {
            self.target.health().note_headroom(now, &headroom);
        }
        name_key(keys, number, response);
    }

    /// Charges a bad answer to the key that it came to, and says what it means for the target.
    pub(super) fn refused<B>(&self, key: Option<usize>, response: &mut Response<B>) {
        let told = response.extensions().get::<Outcome>().copied();
        let (Some((keys, number)), Some(told)) = (self.target.keys().zip(key), told) else {
            return;
        };
        let outcome = keys.settle(number, told, Instant::now(), &self.tuning);
        if outcome != told {
            let name = keys.iter().nth(number).map(Key::name);
            tracing::debug!(
                target_name = self.target.name(),
                key = name,
                told = told.name(),
                outcome = outcome.name(),
                "a key is away"
            );
            response.extensions_mut().insert(outcome);
        }
        name_key(keys, number, response);
    }

    /// Some who speak OpenAI's language have no version where OpenAI's clients put one.
    fn without_version<'a>(&self, path: &'a str) -> &'a str {
        let is_unversioned = match self.dialect {
            Dialect::Azure => self.endpoint.path().contains("/deployments/"),
            Dialect::GeminiOpenAi => self.endpoint.path().ends_with("/openai"),
            Dialect::Vertex => self.endpoint.path().ends_with("/openapi"),
            _ => false,
        };
        let rest = path.strip_prefix("/v1").filter(|_| is_unversioned);
        rest.filter(|rest| rest.starts_with('/')).unwrap_or(path)
    }

    fn prepare_headers(
        &self,
        auth: &Auth,
        credential: Option<&Credential>,
        headers: &mut HeaderMap,
    ) {
        hygiene::remove_connection(headers);
        if *auth != Auth::Caller {
            hygiene::remove_credentials(headers);
        }
        if let Some(credential) = credential {
            credential.put(auth, headers);
        }
        if self.dialect == Dialect::Anthropic {
            let (name, version) = ANTHROPIC_VERSION;
            headers.entry(name).or_insert(version);
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
    }

    /// Puts what the caller has of the answer behind the prompt, if the call goes on with one and the target is known
    /// to take that. The rest of the stack below has no use for it.
    pub(super) fn put_beginning(
        &self,
        head: &mut Parts,
        body: &Bytes,
    ) -> Option<(Bytes, Prefilled)> {
        let resume = head.extensions.remove::<Resume>()?;
        let (new, prefilled) = resume.put(self.prefill?, head.uri.path(), body)?;
        if head.headers.contains_key(CONTENT_LENGTH) {
            head.headers.insert(CONTENT_LENGTH, new.len().into());
        }
        Some((new, prefilled))
    }

    /// Puts the target's model into a body that is at hand.
    pub(super) fn put_model(&self, head: &mut Parts, body: &Bytes) -> Result<Bytes, NotSent> {
        let Some(model) = &self.model else {
            return Ok(body.clone());
        };
        let new = model.in_body(body, Kind::of(&head.headers))?;
        if new.len() != body.len() && head.headers.contains_key(CONTENT_LENGTH) {
            head.headers.insert(CONTENT_LENGTH, new.len().into());
        }
        Ok(new)
    }
}

/// Says beside an answer with which key it was asked for.
fn name_key<B>(keys: &KeyRing, number: usize, response: &mut Response<B>) {
    if let Some(key) = keys.iter().nth(number) {
        HttpCarry.report(response, |served| served.set_key(key.clone()));
    }
}
