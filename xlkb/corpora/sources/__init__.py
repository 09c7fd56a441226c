"""Where text comes from: the package, the hub, or your own files."""
