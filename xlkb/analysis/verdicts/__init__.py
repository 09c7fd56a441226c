"""What is claimed: comparisons named in advance, and what is told of a model, or of two."""
