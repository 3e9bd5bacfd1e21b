//! Fields that the way adds: `Received` (RFC 5321 §4.4) and `Return-Path`.
use sceau_domain::Timestamp;

/// What a `Received` field says. Holds no recipient (several recipients share the message).
#[derive(Debug, Clone)]
pub struct Received<'a> {
    /// What the client called itself (EHLO).
    pub helo: &'a str,
    /// The client's address.
    pub remote: std::net::IpAddr,
    /// Our host name.
    pub by: &'a str,
    /// `ESMTPS`, `ESMTPSA`, `UTF8SMTPS`… (RFC 3848, RFC 6531).
    pub with: &'a str,
    /// TLS version and suite, e.g. `TLSv1.3 TLS_AES_256_GCM_SHA384`, when there was TLS.
    pub tls: Option<&'a str>,
    /// The peer's certificate DN, when it was verified.
    pub peer: Option<&'a str>,
    /// Our id for this transaction.
    pub id: &'a str,
    /// When.
    pub at: Timestamp,
}

impl Received<'_> {
    /// The folded field with its final CRLF. Values are stripped of anything that could break the field.
    pub fn field(&self) -> String {
        todo!()
    }
}

/// `Return-Path: <…>` with its final CRLF.
pub fn return_path(from: Option<&sceau_domain::Address>) -> String {
    let _ = from;
    todo!()
}

/// A date as RFC 5322 §3.3 writes it, in UTC (`+0000`).
pub fn rfc5322_date(at: Timestamp) -> String {
    let _ = at;
    todo!()
}
