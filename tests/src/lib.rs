//! Harness of the end-to-end tests: starts the built binary's sandbox on free ports, runs outside programs against it, and
//! records which feature rows a passing test proved.
pub mod proof;
pub mod program;
pub mod sandbox;
pub mod wait;

pub use program::Run;
pub use proof::proves;
pub use sandbox::Sandbox;
