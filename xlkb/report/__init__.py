"""Report: what is shown. Tables, figures, the list of both, and the notebooks that make them.

`table` writes a frame as CSV, Markdown and LaTeX, each figure's function a PNG and an SVG, all into
`run.figures`, with an entry in its `manifest.json`; what there is nothing to make from is left out
with a reason. `pages` are documents and a run's report, `provenance` is what an artefact was
made from. `notebooks` runs them, and `reference` compares their tables and answers with the
committed ones; these two are imported when they are asked for, because Jupyter takes seconds to
import.

>>> import pandas as pd
>>> from xlkb import report
>>> report.readable(pd.DataFrame({"n": [4], "accuracy": [0.75]})).to_dict("records")
[{'n': 4, 'accuracy (%)': '75.0'}]
"""

from xlkb.report import manifest, pages, provenance
from xlkb.report.dots import seed_dots, seed_scatter
from xlkb.report.figures import (
    accuracy_bars,
    distributions,
    gain_bars,
    gap_bars,
    heat_map,
    lines,
    loss_curves,
    option_bias,
)
from xlkb.report.labels import another as another_label
from xlkb.report.labels import apart
from xlkb.report.named_points import gain_against_cost, scatter
from xlkb.report.pages import Section
from xlkb.report.tables import readable
from xlkb.report.tables import save as table

__all__ = [
    "Section",
    "accuracy_bars",
    "another_label",
    "apart",
    "distributions",
    "gain_against_cost",
    "gain_bars",
    "gap_bars",
    "heat_map",
    "lines",
    "loss_curves",
    "manifest",
    "notebooks",
    "option_bias",
    "pages",
    "provenance",
    "readable",
    "reference",
    "scatter",
    "seed_dots",
    "seed_scatter",
    "table",
]
