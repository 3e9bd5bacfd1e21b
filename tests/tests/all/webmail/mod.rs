//! The desk and the console in a real browser, a day of each of those who use them.
mod account;
mod administrator;
mod archive;
mod doctor;
mod frame;
mod guide;
mod hostile_mail;
mod labels;
mod laboratory;
mod letter;
mod no_script;
mod operator;
mod phone;
mod secretary;
mod speed;
mod troubles;
