//! Fake AI providers that break on purpose.
