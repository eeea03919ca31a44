"""The loop between policy and robot: episodes, safety, rotations, restarts."""
