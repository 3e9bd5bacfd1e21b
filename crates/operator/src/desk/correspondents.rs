//! To whom a BAL wrote, for completion.
