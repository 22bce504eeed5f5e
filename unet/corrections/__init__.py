"""Label maps changed by hand: what a correction does, and the list of them that is kept beside an image."""
