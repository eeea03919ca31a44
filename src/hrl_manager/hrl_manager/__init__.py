"""The manager node."""
