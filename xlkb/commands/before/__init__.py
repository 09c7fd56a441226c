"""What is looked at before a run: what it needs, whether that can be had, and what it will cost."""
