//! What a person chose of the desk.
