"""What a run leaves to be read: counts, summaries, tables, curves."""
