//! What became of each recipient of what a BAL sent, by the Message-ID: whichever program wrote it.
