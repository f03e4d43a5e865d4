"""What is done with both answers: lay them side by side, compare, search."""
