"""What else narrows the barrier: ways of asking, and languages added up."""
