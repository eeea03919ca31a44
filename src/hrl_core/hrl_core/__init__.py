"""Hierarchical reinforcement learning that knows nothing of ROS."""
