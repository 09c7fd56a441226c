"""What the paper reports: published numbers, each with its source; what is unknown is absent."""

import re
from collections.abc import Mapping
from functools import cache

import pandas as pd

from xlkb.analysis import stats
from xlkb.ground import names
from xlkb.ground.paths import PACKAGE_DATA

FILE = PACKAGE_DATA / "published.csv"


@cache
def _all() -> pd.DataFrame:
    return pd.read_csv(FILE, keep_default_na=False)


def published(table: str = "") -> pd.DataFrame:
    """Published numbers, all or those of one table.

    Returns:
        Columns `table, model, setting, metric, value, unit, source, status` ("certain": released
        by the authors; "second-hand": quoted by others).

    Raises:
        ValueError: there is no such table.
    """
    frame = _all()
    if not table:
        return frame.copy()
    if table not in set(frame["table"]):
        known = names.nearest(table, frame["table"].unique())
        raise ValueError(f"{FILE} has no table {table!r}; {known}")
    return frame[frame["table"] == table].reset_index(drop=True)


def beside(ours: pd.DataFrame, task: str) -> pd.DataFrame:
    """The mixup results known of the paper above ours, blank where a number is unknown.

    Args:
        ours: rows of `gaps.mixup_gap` with a column `model`.
        task: what ours were measured on.

    Returns:
        Columns `model, task, english, mixup` (accuracy, %), `change` (points), `n, status, source`,
        and `unread` and `reference_unread` where ours have them.
    """
    known = published("mmlu")
    theirs = _by_model(known, known["setting"] + ": " + known["metric"])
    theirs = theirs.rename(columns={"full en: accuracy": "english", "mixup: accuracy": "mixup"})
    difference = theirs["mixup"] - theirs["english"]
    theirs["change"] = theirs.pop("mixup: change from full en").fillna(difference)
    mine = pd.DataFrame(
        {
            "model": ours["model"],
            "task": task,
            "english": 100 * ours["reference_accuracy"],
            "mixup": 100 * ours["accuracy"],
            "change": -ours["gap_points"],
            "n": ours["n"].astype(str),
        }
    )
    unread = ours.filter(["unread", "reference_unread"])
    return _one_below_the_other(theirs, mine.join(unread), ["english", "mixup", "change"])


def finetuned_beside(ours: pd.DataFrame, task: str, control: str) -> pd.DataFrame:
    """Accuracy on mixup before and after mixed-language fine-tuning: the paper's above ours.

    Above both, the range of gains that the paper claims for tasks and models that our source does
    not name.

    Args:
        ours: rows of `gains.over_control` for the group "mixup", of one rule, with a column
            `base_model`; there may be none.
        task: what ours were measured on.
        control: label of the model that gains are counted from.

    Returns:
        `base_model, model, task, before, after` (%; ours: the control and the arm), `change`
        (points), `n, status, source`. Where the paper's model is one of our base models, by its
        name, its row has our label as `base_model`; else the paper's, as it has as `model`.
    """
    known = published("mmlu_finetuned")
    when = known["setting"].str.extract("(before|after) fine-tuning", expand=False)
    theirs = _by_model(known, when)
    theirs["change"] = theirs["after"] - theirs["before"]
    labels = {_plain(label): label for label in ours["base_model"]}
    theirs["base_model"] = [labels.get(_plain(name), name) for name in theirs["model"]]
    claimed = published("claimed_gain")
    claimed = claimed[["model", "status", "source"]].assign(
        base_model=claimed["model"],
        task=claimed["setting"] + " (paper)",
        change=claimed["value"],
        n="",
    )
    reference = ours[ours["model"] == control].set_index("base_model")["accuracy"]
    arms = ours[ours["model"] != control]
    mine = pd.DataFrame(
        {
            "base_model": arms["base_model"],
            "model": arms["model"],
            "task": task,
            "before": 100 * arms["base_model"].map(reference),
            "after": 100 * arms["accuracy"],
            "change": arms["gain_points"],
            "n": arms["n"].astype(str),
        }
    )
    theirs = stats.concat([claimed, theirs])
    return _one_below_the_other(theirs, mine, ["before", "after", "change"])


def _plain(name: str) -> str:
    """A model's name however it is spelled: "Llama3-8B" and "meta-llama/Meta-Llama-3-8B" alike."""
    name = name.rpartition("/")[2].partition("@")[0].lower()
    return re.sub(r"^meta-|-hf$|[^a-z0-9.]", "", name)


def _by_model(known: pd.DataFrame, what: pd.Series) -> pd.DataFrame:
    """Published numbers on MMLU, a row per model, a column for each `what`.

    Status and source are those of the model's last number.
    """
    values = known.pivot_table("value", "model", what, sort=False)
    last = known.drop_duplicates("model", keep="last").set_index("model")
    return values.join(last[["status", "source"]]).reset_index().assign(task="MMLU (paper)", n="")


def _one_below_the_other(
    theirs: pd.DataFrame, mine: pd.DataFrame, numbers: list[str]
) -> pd.DataFrame:
    table = stats.concat([theirs, mine.assign(status="this run", source="")])
    first = [column for column in ("base_model",) if column in table]
    columns = ["model", "task", *numbers, "n", "status", "source"]
    more = [column for column in ("unread", "reference_unread") if column in table]
    return table[[*first, *columns, *more]]


def comet_beside(quality: pd.DataFrame) -> pd.DataFrame:
    """Our chrF++ beside the authors' released COMET scores, for the directions that these have.

    Args:
        quality: from `few_shot_translation.quality`.

    Returns:
        `model, source, target, n, chrf, chrf_low, chrf_high` (this run) and a column
        `MODEL (COMET, paper)` per model of the paper (0 to 100), blank where none was released.
    """
    known = published("comet").pivot(index="setting", columns="model", values="value")
    known = known[published("comet")["model"].unique()]
    ours = quality.assign(setting=quality["source"] + "-" + quality["target"])
    ours = ours[["model", "source", "target", "n", "chrf", "chrf_low", "chrf_high", "setting"]]
    known = (100 * known).add_suffix(" (COMET, paper)").reset_index()
    return ours.merge(known, on="setting").drop(columns="setting")


def settings_beside(topic: str, ours: Mapping[str, float]) -> pd.DataFrame:
    """How the paper set up an experiment, and how this run does; a blank is unknown, or not done.

    Args:
        topic: `setting` of the published table "settings", as "fine-tuning".
        ours: `metric` of that table -> this run's value.

    Returns:
        `what, paper, ours` (texts), `unit, status, source`.

    Raises:
        ValueError: there is no such topic, or the paper has no such setting.
    """
    table = published("settings")
    known = table[table["setting"] == topic]
    if strange := sorted(set(ours) - set(known["metric"])):
        there = names.nearest(strange[0], known["metric"])
        raise ValueError(f"{FILE}, {topic!r}: no {', '.join(strange)}; {there}")
    beside = known.rename(columns={"metric": "what"}).assign(
        paper=known["value"].map("{:,.7g}".format),
        ours=[f"{ours[what]:,.7g}" if what in ours else "" for what in known["metric"]],
    )
    return beside[["what", "paper", "ours", "unit", "status", "source"]].reset_index(drop=True)
