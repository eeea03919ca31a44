"""Options (Sutton, Precup & Singh 1999) and Option-Critic (arXiv 1609.05140) on the tables of the Four Rooms."""
