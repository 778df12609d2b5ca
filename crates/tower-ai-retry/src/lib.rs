//! Backoff retry for AI calls: a tower retry policy with jitter, server waits, deadline and budget.
