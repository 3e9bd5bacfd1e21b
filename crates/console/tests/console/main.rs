//! The console's pages, asked as a browser asks: whose forms are taken, who sees what, what a page costs.
mod acts;
mod edits;
mod forms;
mod help;
mod roles;
mod running;
mod support;
mod tables;
mod ways;
