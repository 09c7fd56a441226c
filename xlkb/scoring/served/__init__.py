"""Models behind an endpoint: what they answer, and which letter that is."""
