//! What leaves in seconds or later: sending always passes here, so that it can be held back.
