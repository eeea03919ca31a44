"""Work on many machines, by Ray: what depends on nothing but its own input is done wherever there is a core for it."""
