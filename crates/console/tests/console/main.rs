//! The console's pages, asked as a browser asks: whose forms are taken, who sees what, what a page costs.
mod acts;
mod forms;
mod roles;
mod support;
mod tables;
