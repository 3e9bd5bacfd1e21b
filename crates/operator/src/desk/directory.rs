//! The operator's own directory, in memory per node, for completion. What a red list holds is never in it.
