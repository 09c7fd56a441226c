"""Training: what models learn."""
