//! An adaptive circuit breaker for AI calls, as a tower layer.
