"""Benchmarks of learning; each prints one JSON object: fast path, plain reference, arithmetic limit."""
