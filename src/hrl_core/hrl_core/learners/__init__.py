"""Learners of one level each; they know no hierarchy."""
