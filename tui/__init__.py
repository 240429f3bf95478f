"""The command line and the terminal dashboard."""
