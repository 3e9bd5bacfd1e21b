//! REST as programs see it: requests against the whole router, without a network.
mod domains;
mod policies;
mod reference;
mod support;
