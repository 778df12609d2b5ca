//! The truth about streamed AI answers: server-sent events as they arrive, clocks, commit point, endings.
