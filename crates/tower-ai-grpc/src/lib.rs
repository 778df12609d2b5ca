//! AI services over gRPC: outcomes from trailers, server waits, deadlines, replay, for tonic.
#![cfg_attr(docsrs, feature(doc_cfg))]


mod details;
mod wire;

