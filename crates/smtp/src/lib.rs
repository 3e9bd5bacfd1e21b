//! SMTP: the codec (sans-I/O).
pub mod codec;
