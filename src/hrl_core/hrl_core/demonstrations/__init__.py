"""Scripted experts: who shows how a task is done where nobody has recorded a human."""
