"""The nodes of the learning loop."""
