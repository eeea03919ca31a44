"""What looks at a running graph and takes no part."""
