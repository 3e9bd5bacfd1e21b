// Being woken.
