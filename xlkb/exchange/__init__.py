"""Exchange: answers as cards, comparisons and other tools take them, and as other tools give them.

`answers` are what a model said, out of the store or a file; `stream` asks more questions than
memory holds. `harness_tasks` gives questions to lm-evaluation-harness, and `harness_logs` takes
answers out of its logs. `every_eval_ever` and `hub_results` write results in formats that others
read.

>>> from xlkb import exchange
>>> exchange.answers.TEXTS
('context', 'question', 'option')
"""

from xlkb.exchange import (
    answers,
    every_eval_ever,
    harness_logs,
    harness_tasks,
    hub_results,
    origins,
    stream,
)
from xlkb.exchange.answers import Answers

__all__ = [
    "Answers",
    "answers",
    "every_eval_ever",
    "harness_logs",
    "harness_tasks",
    "hub_results",
    "origins",
    "stream",
]
