//! A server that speaks HTTP/2 and no gRPC to the end: it leaves the status out.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

/// A part of a body that can be sent again and again.
#[derive(Clone)]
pub(crate) enum Part {
    Data(Vec<u8>),
    Trailers(HeaderMap),
}

/// A message as it stands on the wire.
pub(crate) fn message(text: &str) -> Vec<u8> {
    // Field 1, a text: that of a Token.
    let mut token = vec![0x0a, u8::try_from(text.len()).unwrap()];
    token.extend(text.as_bytes());
    let mut out = vec![0];
    out.extend(u32::try_from(token.len()).unwrap().to_be_bytes());
    out.extend(token);
    out
}

/// Answers every call with this head and these frames.
pub(crate) async fn start(head: Response<()>, frames: Vec<Part>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new((head, frames));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let answer = answer.clone();
            let service = service_fn(move |_: Request<Incoming>| {
                let (head, frames) = (answer.0.clone(), answer.1.clone());
                async move {
                    let frames = frames.into_iter().map(|frame| {
                        Ok::<_, Infallible>(match frame {
                            Part::Data(data) => Frame::data(Bytes::from(data)),
                            Part::Trailers(trailers) => Frame::trailers(trailers),
                        })
                    });
                    let body = StreamBody::new(tokio_stream::iter(frames));
                    Ok::<_, Infallible>(head.map(|()| body))
                }
            });
            let connection = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(connection.serve_connection(TokioIo::new(socket), service));
        }
    });
    address
}

/// The head of a gRPC answer.
pub(crate) fn grpc() -> Response<()> {
    let head = Response::builder().header("content-type", "application/grpc");
    head.body(()).unwrap()
}
