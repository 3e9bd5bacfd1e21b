//! REST as programs see it: requests against the whole router, without a network.
mod access;
mod description;
mod domains;
mod life;
mod matrix;
mod tokens;
mod imports;
mod policies;
mod reference;
mod links;
mod openings;
mod people;
mod structures;
mod support;
mod terms;
