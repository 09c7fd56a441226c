"""The folder that a training leaves: how it is known, and what its card says."""
