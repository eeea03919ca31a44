"""Launch files, configuration and command line of the stack."""
