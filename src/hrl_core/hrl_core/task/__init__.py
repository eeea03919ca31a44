"""What a task observes, accepts, pursues and calls success; the shipped ones."""
