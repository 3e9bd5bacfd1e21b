//! Lists as windows.
