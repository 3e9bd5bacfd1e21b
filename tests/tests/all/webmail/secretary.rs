//! A secretary's day: a shared BAL, a delegation.
