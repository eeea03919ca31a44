"""Sweeps: the same training over seeds and values of switches, in processes side by side."""
