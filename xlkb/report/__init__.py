"""Report: what is shown."""
