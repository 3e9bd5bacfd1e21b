//! TLS configurations: 1.2 (ECDHE + AEAD) and 1.3 only, aws-lc-rs.
use crate::Identity;
use std::sync::Arc;

/// Server side for operators: asks for a client certificate, completes the handshake with any or none
/// (possession of the key is proved), the chain is judged afterwards by [`crate::peer::judge`].
pub fn mx_server(identity: &Identity) -> Result<Arc<rustls::ServerConfig>, rustls::Error> {
    let _ = identity;
    todo!()
}

/// Server side for mail clients and browsers: no client certificate asked.
pub fn client_server(identity: &Identity) -> Result<Arc<rustls::ServerConfig>, rustls::Error> {
    let _ = identity;
    todo!()
}

/// Client side towards operators: shows our certificate; any server chain completes the handshake (with a valid
/// signature), the chain is judged afterwards by [`crate::peer::judge`] and its DN against the white list.
pub fn transfer_client(identity: &Identity) -> Result<Arc<rustls::ClientConfig>, rustls::Error> {
    let _ = identity;
    todo!()
}
