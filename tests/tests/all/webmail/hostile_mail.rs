//! What hostile mail may do: nothing.
