//! AI services over gRPC: outcomes from trailers, server waits, deadlines, replay, for tonic.
