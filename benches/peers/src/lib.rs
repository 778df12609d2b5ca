//! The benches beside the peers, see `benches/`: the same work, in the same run, each peer set up as its own
//! documents recommend.
