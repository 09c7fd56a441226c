"""One training under way: the network made ready, the loop with its checkpoints, the loss."""
