//! Files on their way into a draft.
