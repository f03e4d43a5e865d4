"""From totals to numbers that say how sure they are."""
