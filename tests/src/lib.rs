//! sceau-e2e
