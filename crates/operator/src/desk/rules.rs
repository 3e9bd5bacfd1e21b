//! Rules of a BAL, applied once to each message that came.
