//! DER (X.690): what [`sceau_domain::der`] reads is written by [`write`].
pub mod write;

pub(crate) use sceau_domain::der::{Broken, Reader, tag};
