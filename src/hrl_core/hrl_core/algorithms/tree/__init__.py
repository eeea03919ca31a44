"""Pre-specified trees of skills, each node trained by itself over those below (NotAnyMike/HRL)."""
