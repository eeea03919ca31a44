"""FeUdal Networks (arXiv 1703.01161): a manager that says directions in a space of its own, a worker that follows."""
