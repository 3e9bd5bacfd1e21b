//! A message as it is read: header, texts, pieces, who sent it and how that is known.
