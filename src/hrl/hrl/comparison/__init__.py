"""Our flat learners held against those of stable-baselines3, match by match with the same settings."""
