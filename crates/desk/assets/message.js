// The message pane: opening in place, pieces, dialogs.
