"""What a scenario says: frozen data, no randomness, no loops over time."""
