"""What bitsandbytes keeps of its optimizers for as long as the process lives."""

import sys


def forget() -> None:
    """Let go of what trainings of before left with bitsandbytes.

    Its managers hold embeddings and paged states for ever, and know by their place in memory which
    weights are to have states in 32 bits: a later training's weight may lie in the same place.
    """
    if "bitsandbytes" in sys.modules:
        import bitsandbytes

        bitsandbytes.optim.GlobalOptimManager.get_instance().initialize()
        bitsandbytes.functional.GlobalPageManager.get_instance().initialize()
