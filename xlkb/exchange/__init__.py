"""Exchange: answers as cards, comparisons and other tools take them, and as other tools give them.

`answers` are what a model said, out of the store or a file.

>>> from xlkb import exchange
>>> exchange.answers.TEXTS
('context', 'question', 'option')
"""

from xlkb.exchange import answers

__all__ = ["answers"]
