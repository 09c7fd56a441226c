"""Exchange: answers as cards, comparisons and other tools take them, and as other tools give them.

`answers` are what a model said, out of the store or a file; `stream` asks more questions than
memory holds.

>>> from xlkb import exchange
>>> exchange.answers.TEXTS
('context', 'question', 'option')
"""

from xlkb.exchange import answers, stream

__all__ = ["answers", "stream"]
