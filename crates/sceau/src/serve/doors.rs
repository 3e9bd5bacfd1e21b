//! The doors: bound first (so that a taken port stops the start), opened together.
use super::setup::Parts;
use crate::admin::client::Failure;
use crate::cli::Context;
use crate::config::Config;
