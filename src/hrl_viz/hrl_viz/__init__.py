"""Markers for rviz and for the web viewer, and the player of bags."""
