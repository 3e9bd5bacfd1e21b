//! What goes wrong: each has a sentence and a way on.
