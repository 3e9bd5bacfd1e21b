//! What somebody did, what was done at the BALs that somebody holds or manages, and who outside was told (F247).
