//! sceau
fn main() {}
