"""Algorithms that learn policies, one folder each; none imports another."""
