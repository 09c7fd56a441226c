"""Work for a cluster that takes its time, so that a worker or a node can be lost amid it."""

import os
import time

from xlkb.scoring import evaluation


def row(probes, model, row):
    """The scores of a row, after 0.5 s, and where they were computed: process and node."""
    import ray

    time.sleep(0.5)
    node = ray.get_runtime_context().get_node_id()
    return evaluation._run_row(probes, model, row), os.getpid(), node


def refuses(model, unit):
    """No result, but an error that names the unit."""
    raise ValueError(f"{model.label} cannot do {unit}.")


def where(number):
    """The results folder and the engine of a task."""
    return number, os.environ["XLKB_RESULTS"], os.environ["XLKB_ENGINE"]
