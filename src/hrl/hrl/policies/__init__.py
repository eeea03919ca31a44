"""Policies on disk: those shipped, their evaluation on held-out episodes, their origin."""
