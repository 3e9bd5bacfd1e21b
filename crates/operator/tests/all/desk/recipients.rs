//! Addresses judged while they are typed; completion.
