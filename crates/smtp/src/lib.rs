//! SMTP: the codec (sans-I/O), the doors (MX, submission), the transfer to other operators.
pub mod codec;
pub mod notices;
pub mod server;
pub mod transfer;
