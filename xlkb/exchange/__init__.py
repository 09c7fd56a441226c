"""Exchange: answers as cards, comparisons and other tools take them, and as other tools give them.

`answers` are what a model said, out of the store or a file; `every_eval_ever` and `hub_results`
write them in formats that others read.
`answers` are what a model said, out of the store or a file. `harness_tasks` gives questions to
lm-evaluation-harness, and `harness_logs` takes answers out of its logs.
`answers` are what a model said, out of the store or a file; `stream` asks more questions than
memory holds.

>>> from xlkb import exchange
>>> exchange.answers.TEXTS
('context', 'question', 'option')
"""

from xlkb.exchange import answers, every_eval_ever, hub_results, origins

__all__ = ["answers", "every_eval_ever", "hub_results", "origins"]
from xlkb.exchange import answers, harness_logs, harness_tasks

__all__ = ["answers", "harness_logs", "harness_tasks"]
from xlkb.exchange import answers, stream

__all__ = ["answers", "stream"]
