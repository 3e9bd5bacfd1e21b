//! A laboratory: many recipients, some of whom cannot receive.
