//! sceau-bench
