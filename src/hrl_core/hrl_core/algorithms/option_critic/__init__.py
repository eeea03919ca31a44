"""Option-Critic with networks (arXiv 1609.05140): options, when they end, and which follows, learned together."""
