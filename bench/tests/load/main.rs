//! The generators against tiny servers inside the test: what they report is compared with what the server really saw.
mod fake_imap;
mod fake_smtp;
mod http;
mod imap;
mod pki;
mod smtp;
