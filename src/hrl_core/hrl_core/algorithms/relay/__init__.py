"""Relay Policy Learning (arXiv 1910.11956): two levels cloned from what was done, whatever it was done for."""
