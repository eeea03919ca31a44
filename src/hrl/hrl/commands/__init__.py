"""The commands of ``hrl``: one module each, its words and what it prints."""
