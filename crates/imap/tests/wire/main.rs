//! The door on the wire: a real operator on a temporary store, real TLS, one file a subject.
mod append;
mod changes;
mod client;
mod condstore;
mod fetch;
mod folders;
mod hostile;
mod login;
mod memory;
mod python;
mod rights;
mod search;
mod select;
mod store;
mod stress;
mod world;
