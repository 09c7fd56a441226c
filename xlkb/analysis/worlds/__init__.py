"""Numbers about invented worlds: the bottle, and TOFU's authors."""
