//! An answer that breaks at every byte in turn, and in every way: nothing broken is presented as good.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use proptest::prelude::*;
use tower::{Layer, ServiceExt, service_fn};
use tower_ai_core::{BoxError, Follow, Outcome, settle_fn};
use tower_ai_grpc::{FollowTrailers, GrpcGuardLayer};

type Item = Result<Frame<Bytes>, BoxError>;

/// How a body ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Good,
    Bad,
    Nothing,
    Error,
}

const ENDS: [End; 4] = [End::Good, End::Bad, End::Nothing, End::Error];

impl End {
    fn frame(self) -> Option<Item> {
        let trailers = |code: &'static str| {
            let code = http::HeaderValue::from_static(code);
            Frame::trailers(HeaderMap::from_iter([(
                "grpc-status".parse().unwrap(),
                code,
            )]))
        };
        match self {
            Self::Good => Some(Ok(trailers("0"))),
            Self::Bad => Some(Ok(trailers("13"))),
            Self::Nothing => None,
            Self::Error => Some(Err("reset".into())),
        }
    }
}

fn message(text: &str) -> Vec<u8> {
    let len = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[0], &len[..], text.as_bytes()].concat()
}

fn frames(bytes: &[u8], chunk: usize, end: End) -> Vec<Item> {
    let chunks = bytes
        .chunks(chunk)
        .map(|part| Ok(Frame::data(Bytes::copy_from_slice(part))));
    chunks.chain(end.frame()).collect()
}

/// What reader and breaker saw of an answer.
#[derive(Debug)]
struct Seen {
    /// Whether the reader could take it for a good one.
    good: bool,
    data: Vec<u8>,
    settled: Vec<Outcome>,
}

/// Reads an answer through guard and follower; the reader goes away after so many frames.
fn read(layer: &GrpcGuardLayer, frames: Vec<Item>, patience: usize) -> Seen {
    let settled = Arc::new(Mutex::new(Vec::new()));
    let log = settled.clone();
    let handle = settle_fn(move |outcome| log.lock().unwrap().push(outcome));
    let mut frames = Some(frames);
    let server = service_fn(move |_: Request<()>| {
        let body = StreamBody::new(tokio_stream::iter(frames.take().unwrap()));
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    let mut data = Vec::new();
    let reading = async {
        let result = layer.layer(server).oneshot(Request::new(())).await;
        let response = FollowTrailers::new().follow(result, handle)?;
        let mut good = response
            .headers()
            .get("grpc-status")
            .is_some_and(|code| code == "0");
        let mut body = response.into_body();
        for _ in 0..patience {
            let Some(frame) = body.frame().await.transpose()? else {
                break;
            };
            match frame.into_data() {
                Ok(part) => data.extend(part),
                Err(frame) => good = frame.trailers_ref().unwrap()["grpc-status"] == "0",
            }
        }
        Ok::<_, BoxError>(good)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let good = runtime.block_on(reading).unwrap_or(false);
    let settled = settled.lock().unwrap().clone();
    Seen {
        good,
        data,
        settled,
    }
}

#[test]
fn an_answer_cut_at_any_byte_is_never_good() {
    let (one, two) = (message("first"), message("and the second"));
    let whole = [one.clone(), two].concat();
    let layers = [GrpcGuardLayer::new(), GrpcGuardLayer::new().whole()];
    for layer in &layers {
        for cut in 0..=whole.len() {
            let between = [0, one.len(), whole.len()].contains(&cut);
            for end in ENDS {
                let seen = read(layer, frames(&whole[..cut], 4, end), usize::MAX);
                let good = end == End::Good && between;
                let outcome = if good {
                    Outcome::Success
                } else {
                    Outcome::Fault
                };
                assert_eq!(seen.good, good, "cut at {cut}, {end:?}");
                assert_eq!(seen.settled, [outcome], "cut at {cut}, {end:?}");
                assert!(whole.starts_with(&seen.data));
            }
        }
    }
}

proptest! {
    #[test]
    fn bytes_are_passed_on_unchanged_however_they_are_split(
        texts in prop::collection::vec("[a-z]{0,40}", 0..6),
        chunk in 1..50_usize,
    ) {
        let bytes: Vec<u8> = texts.iter().flat_map(|text| message(text)).collect();
        let seen = read(&GrpcGuardLayer::new(), frames(&bytes, chunk, End::Good), usize::MAX);
        prop_assert!(seen.good);
        prop_assert_eq!(seen.data, bytes);
        prop_assert_eq!(seen.settled, [Outcome::Success]);
    }

    #[test]
    fn a_reader_who_goes_away_at_any_point_settles_once(
        bytes: Vec<u8>,
        chunk in 1..20_usize,
        end in prop::sample::select(&ENDS[..]),
        patience in 0..20_usize,
        whole: bool,
    ) {
        let mut layer = GrpcGuardLayer::new().limit(64).unwrap();
        if whole {
            layer = layer.whole();
        }
        let seen = read(&layer, frames(&bytes, chunk, end), patience);
        prop_assert_eq!(seen.settled.len(), 1);
        prop_assert!(!seen.good || end == End::Good);
    }
}
