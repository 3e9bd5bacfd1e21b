// Files: pieces, progress, taking up again.
