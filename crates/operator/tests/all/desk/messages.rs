//! Messages and their pieces.
