"""Whether a text is what it is taken for: its language, and whether it translates another."""
