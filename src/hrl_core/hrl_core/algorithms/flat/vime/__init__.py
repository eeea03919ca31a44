"""VIME (arXiv 1605.09674): an intrinsic reward for what tells the most about how the world moves."""
