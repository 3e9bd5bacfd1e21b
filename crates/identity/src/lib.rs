//! Proofs of identity: what is believed of whom, and why (F041 to F050).
//!
//! Pure: no I/O, no store, no clock, no network. Instants, random octets, keys and what was kept are passed in; whoever calls decides what is stored.
//!
//! * [`factor`]: what proved, of which nature, how strong, how fresh; [`session`]: the life of a browser's session and the words of its forms.
//! * [`card`], [`national`], [`names`]: whom a card or a provider names, and whether that is the person of a row.
//! * [`jose`]: signed tokens and keys; [`oidc`]: Pro Santé Connect and structures' sign-ins; [`oauth`]: our own authorization server.
//! * [`webauthn`], [`totp`], [`code`], [`password`]: what people enrol.
//! * [`vapid`]: who we are to the services that wake browsers.
//! * [`json`], [`form`], [`url`]: what strangers write, read in one way only.
//!
//! Promises: every parser has a budget before it allocates, refuses what is there twice and never panics; what is not understood is refused; secrets
//! are compared in constant time, cleared from memory, and never shown by `Debug`. One library computes: aws-lc-rs (argon2 apart).
pub mod card;
pub mod code;
pub mod factor;
pub mod form;
pub mod jose;
pub mod json;
pub mod names;
pub mod national;
pub mod oauth;
pub mod oidc;
pub mod password;
pub mod session;
pub mod totp;
pub mod url;
pub mod vapid;
pub mod webauthn;
