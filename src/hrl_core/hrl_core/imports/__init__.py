"""Demonstrations of other data sets as episodes of ours: the way back of ``hrl_core.exports``."""
