//! REST as programs see it: requests against the whole router, without a network.
mod access;
mod description;
mod domains;
mod imports;
mod life;
mod links;
mod matrix;
mod openings;
mod people;
mod policies;
mod reference;
mod structures;
mod support;
mod terms;
mod tokens;
