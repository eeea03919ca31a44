"""HAC: each level asks the one below for a state to reach, and all learn as if those below were perfect already."""
