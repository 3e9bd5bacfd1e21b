//! A structure's administrator.
