"""What training remembers."""
