"""HIRO (arXiv 1805.08296): a manager's goals, a worker's reward for moving towards them, off-policy correction."""
