//! Domains, people, BALs, access and tokens, as the administration socket needs them (the whole model comes with step 3).
