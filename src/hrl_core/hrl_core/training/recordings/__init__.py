"""Training from recordings."""
