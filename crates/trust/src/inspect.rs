//! `sceau trust inspect`: what a white-list file holds and whether its signature is good.
