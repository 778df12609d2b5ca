//! What the tower-ai layers share.
