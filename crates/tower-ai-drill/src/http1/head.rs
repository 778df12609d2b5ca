//! Heads of answers.

use std::fmt::Write;

use http::StatusCode;

/// Writes a head.
pub(crate) fn head(status: u16, headers: &[(&str, String)]) -> Vec<u8> {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Overloaded");
    let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
    for (name, value) in headers {
        // A String takes every write.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}
