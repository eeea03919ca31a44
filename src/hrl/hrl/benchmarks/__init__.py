"""Benchmarks of `hrl bench NAME`: each measures a reference and our way in the same run and prints one JSON object."""
