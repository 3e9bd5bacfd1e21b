//! The places where a master key can be kept; one file a kind.
pub(in crate::vault) mod patience;
pub mod pkcs11;
pub(super) mod software;
mod uri;
