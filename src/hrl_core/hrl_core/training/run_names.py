"""Names in the folder of a run, for who only looks there: without torch."""

CONFIG = "config.json"
TASK = "task.yaml"
METRICS = "metrics.jsonl"
POLICY = "last"
"""Policy of the last evaluation, or of the moment at which the run was stopped."""
BEST_POLICY = "best"
"""Policy of the best evaluation so far, of equal ones the latest."""
