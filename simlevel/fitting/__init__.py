"""Demand and lead-time models from records: likelihood with a penalty, many items at once."""
