"""Learning algorithms: flat TD3 and the hierarchies composed of it."""
