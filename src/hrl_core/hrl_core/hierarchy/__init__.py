"""Levels that act: subgoals, the sessions at the barrier, episodes in one process."""
