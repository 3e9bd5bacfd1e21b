//! Pieces of messages: streamed, shown, as text.
