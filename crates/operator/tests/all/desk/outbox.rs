//! What leaves later, once.
