"""Policies on disk, their loading beside a run, the change from one to the next."""
