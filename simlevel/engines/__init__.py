"""A simulated answer."""
