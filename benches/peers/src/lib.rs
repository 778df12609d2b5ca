//! The benches beside the peers.
