//! Trust as its users see it: a played IGC-Santé (root, intermediate, leaves), its white lists, and an outside judge of
//! XML signatures.
mod cards;
mod chain;
mod fetch;
mod inspect;
mod lists;
mod ocsp;
mod openssl;
mod oracle;
mod pki;
mod provider;
mod refresh;
mod tampering;
mod tls;
mod white_list;
