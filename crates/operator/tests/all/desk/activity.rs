//! One's own activity, choices.
