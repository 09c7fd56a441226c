"""Questions that this package makes itself, out of facts."""
