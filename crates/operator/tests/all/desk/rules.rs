//! Rules, applied once.
