//! Counts for plots.
