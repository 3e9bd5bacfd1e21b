//! The tests of the store, in one program: what they share is compiled and linked once.
#[macro_use]
mod support;
mod care;
mod contract;
mod counts;
mod cuts;
mod failing;
mod failover;
mod faults;
mod fence;
mod files;
mod holding;
mod jobs;
mod keys;
mod keywords;
mod leaving;
mod no_memory;
mod nodes;
mod plans;
mod proofs;
mod queue;
mod remembering;
mod rows;
mod s3;
mod sealed;
mod spending;
mod tls;
