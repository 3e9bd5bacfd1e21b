//! Who opened, answered and forwarded a message at a shared BAL, written where every door reads and flags.
