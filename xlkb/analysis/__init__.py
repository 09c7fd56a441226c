"""Analysis: what the answers mean."""
