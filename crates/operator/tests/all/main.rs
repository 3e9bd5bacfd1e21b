//! The tests of the use cases, in one program: what they share is compiled and linked once. The power cuts of `crash` are a program of their own.
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod access;
mod mail;
mod notary;
mod openings;
mod people;
mod rights;
