//! TEST ONLY. `sceau-insecure`: the program with a sealer that does nothing, so that the test that looks for clear content on the disk is
//! shown to find it. Never built without the feature `insecure-clear`; never part of a release. It says what it is at every start.
//!
//! A program of its own, not the same one built with a feature: both lie side by side in one target folder, and only the crates above
//! the store are compiled twice.
fn main() -> std::process::ExitCode {
    sceau::run()
}
