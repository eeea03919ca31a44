"""MLSH: skills that many tasks share, and for each task a master that is learned anew over them."""
