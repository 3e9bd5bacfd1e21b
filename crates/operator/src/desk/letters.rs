//! Drafts: saved as they are typed, shown in the Drafts folder of mail programs.
