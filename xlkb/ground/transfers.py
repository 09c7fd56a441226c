"""HTTP answers with limits: of a whole answer's time and size, and of where it comes from.

The openai client limits the time between two bytes, so that a server which sends one a second, or
never ends, would hold a run up for days and fill the memory.
"""

import time
from functools import cache
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openai import DefaultHttpxClient

MOST = 1 << 26
"""Bytes of an answer, unpacked; the log-probabilities of a long text take a hundredth of it."""

SECONDS = 300
"""For a whole answer, where a request names no other time."""

SLOW = "Its answer does not end in time"

PACKED = ("", "identity", "gzip", "deflate")
"""Encodings that unpack to no more than a thousand times what came."""


def client() -> "DefaultHttpxClient":
    """An HTTP client for openai's: each answer is whole in the time that a read may take, and no
    larger than `MOST`; no redirect is followed, so that keys and questions go to one host only.

    What breaks a limit raises openai.APIConnectionError, and is not asked for again.
    """
    return _kind()(follow_redirects=False, headers={"Accept-Encoding": "gzip, deflate"})


@cache
def _kind() -> type:
    from openai import APIConnectionError, DefaultHttpxClient

    class Bounded(DefaultHttpxClient):
        """Reads answers in a thread of their own, which is left behind when time is up."""

        def send(self, request: Any, **options: Any) -> Any:
            """The answer, read."""
            seconds = request.extensions.get("timeout", {}).get("read") or SECONDS
            told: SimpleQueue = SimpleQueue()
            over, send = Event(), super().send

            def work() -> None:
                try:
                    answer = send(request, **options | {"stream": True})
                    try:
                        told.put((_read(answer, over, time.monotonic() + seconds), None))
                    finally:
                        answer.close()
                except OSError as error:
                    told.put((None, APIConnectionError(message=f"{error}.", request=request)))
                except BaseException as error:
                    told.put((None, error))

            Thread(target=work, daemon=True).start()
            try:
                answer, failure = told.get(timeout=seconds + 1)
            except Empty:
                raise APIConnectionError(message=f"{SLOW}.", request=request) from None
            finally:
                over.set()
            if failure is not None:
                raise failure
            return answer

    return Bounded


def _read(answer: Any, over: Event, until: float) -> Any:
    """The same answer with its body in memory."""
    packed = answer.headers.get("content-encoding", "").strip().lower()
    if packed not in PACKED:
        raise OSError(f"Its answer is packed as {packed[:20]!r}, which was not asked for")
    body = bytearray()
    for part in answer.iter_bytes():
        body += part
        if len(body) > MOST:
            raise OSError(f"Its answer is larger than {MOST / 1e6:.0f} MB")
        if over.is_set() or time.monotonic() > until:
            raise TimeoutError(SLOW)
    left = ("content-encoding", "content-length", "transfer-encoding")
    headers = [(name, value) for name, value in answer.headers.multi_items() if name not in left]
    return type(answer)(
        answer.status_code, headers=headers, content=bytes(body), request=answer.request
    )
