"""A derived answer: it shares nothing with the engines but the scenario."""
