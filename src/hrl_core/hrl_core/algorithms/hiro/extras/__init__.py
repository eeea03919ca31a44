"""Beyond the paper: exploration by waypoints, the adjacency penalty."""
