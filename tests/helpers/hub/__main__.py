"""python -m helpers.hub --port 8123: serve until Ctrl-C."""

import argparse
import tempfile
import threading
from pathlib import Path

from .standin import Hub


def main() -> None:
    """Start the stand-in, and say how to use it."""
    parser = argparse.ArgumentParser("helpers.hub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="default: any that is free")
    place = Path(tempfile.gettempdir()) / "xlkb-hub"
    parser.add_argument("--store", type=Path, default=place, help=f"folder (default: {place})")
    parser.add_argument("--build", action="store_true", help="make every repository first")
    given = parser.parse_args()
    hub = Hub(given.store, port=given.port)
    for repository in hub.repositories.values() if given.build else ():
        for commit in repository.commits:
            repository.files(commit, hub.store)
    print(f"HF_ENDPOINT={hub.endpoint}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        hub.stop()


main()
