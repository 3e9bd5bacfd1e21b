//! Imports and exports on the wire: against a played server inside TLS that fails where a test wants it, and against servers that want to hurt.
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod hostile;
mod memory;
mod played;
mod round;
mod twice;
