// Keys, where the person chose them; the card that shows them.
