"""Exchange: answers as cards, comparisons and other tools take them, and as other tools give them.

`answers` are what a model said, out of the store or a file; `every_eval_ever` and `hub_results`
write them in formats that others read.

>>> from xlkb import exchange
>>> exchange.answers.TEXTS
('context', 'question', 'option')
"""

from xlkb.exchange import answers, every_eval_ever, hub_results, origins

__all__ = ["answers", "every_eval_ever", "hub_results", "origins"]
