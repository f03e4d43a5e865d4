"""Many items at once: what their settings give, what they should be, and what a record says."""
