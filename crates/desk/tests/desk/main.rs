//! The desk's pages, asked as a browser asks: whose forms are taken, who sees what, what a page costs.
mod account;
mod forms;
mod kept;
mod list;
mod message;
mod shared;
mod support;
mod write;
