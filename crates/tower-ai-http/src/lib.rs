//! AI providers over HTTP: what their answers mean, how long to wait, and how to send a call elsewhere.
