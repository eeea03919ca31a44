"""What closes the loop, simulator or robot bridge: the course of a run, its services, its node base."""
