//! Notes for colleagues, never sent, and who takes care of a conversation.
