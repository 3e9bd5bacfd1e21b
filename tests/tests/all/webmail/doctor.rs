//! A doctor's day.
