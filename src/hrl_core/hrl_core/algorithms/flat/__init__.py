"""No hierarchy: the worker pursues the task goal."""
