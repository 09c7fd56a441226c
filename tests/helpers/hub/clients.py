"""The clients of this process, turned to a stand-in: what HF_ENDPOINT and HF_HOME do at import."""

import os
from pathlib import Path
from typing import Any

from .standin import Hub


def turn(monkeypatch: Any, hub: Hub, home: Path) -> None:
    """Let huggingface_hub, transformers and datasets ask `hub`, and keep what they fetch in `home`.

    Args:
        monkeypatch: pytest's; it turns them back.
    """
    import datasets.config
    import huggingface_hub
    from huggingface_hub import constants, hf_api
    from transformers.utils import hub as of_transformers

    from xlkb.models import tokens

    template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    url = hub.endpoint + "/datasets/{repo_id}/resolve/{revision}/{path}"
    changes: dict[Any, dict[str, Any]] = {
        constants: {
            "ENDPOINT": hub.endpoint,
            "HUGGINGFACE_CO_URL_TEMPLATE": template,
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_HUB_OFFLINE": False,
            "HF_TOKEN_PATH": str(home / "token"),
            "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
        },
        hf_api.api: {"endpoint": hub.endpoint},
        of_transformers: {"_hf_api": None},
        datasets.config: {
            "HF_ENDPOINT": hub.endpoint,
            "HUB_DATASETS_URL": url,
            "HF_HUB_OFFLINE": False,
            "HF_DATASETS_CACHE": home / "datasets",
            "DOWNLOADED_DATASETS_PATH": str(home / "datasets" / "downloads"),
        },
    }
    for where, values in changes.items():
        for name, value in values.items():
            monkeypatch.setattr(where, name, value)
    for name, value in variables(hub, home).items():
        monkeypatch.setenv(name, value)
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    huggingface_hub.HfFileSystem.clear_instance_cache()
    huggingface_hub.close_session()
    tokens.load.cache_clear()


def variables(hub: Hub, home: Path) -> dict[str, str]:
    """The environment variables that turn a new process to `hub`."""
    return {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(home)}


def environment(hub: Hub, home: Path) -> dict[str, str]:
    """This process's environment, for one that it starts and that asks `hub`."""
    kept = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN")}
    return kept | variables(hub, home)
