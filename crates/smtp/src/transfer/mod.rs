//! Outbound mail (being written by the coordinator: leave this folder alone).
