"""Recorded episodes in the layouts of other tools; their packages are imported when a format is asked for."""
