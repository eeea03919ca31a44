"""What a launch file starts, as data: nodes, their parameters, the run's folder."""
