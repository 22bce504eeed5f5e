"""What a network computes on its way from an image to its maps: every layer, every value, and what it came from."""
