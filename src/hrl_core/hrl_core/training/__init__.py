"""Training: configuration, loop, evaluation, files of a run."""
