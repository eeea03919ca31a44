"""Checks of ``hrl doctor``: of the installation, the machine, the middleware and the running graph."""
