//! Browsers that are woken when mail came. Nothing of the mail goes along.
