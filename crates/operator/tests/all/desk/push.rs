//! Browsers that are woken.
