"""Reports of runs for tests: of the committed demo, and of hostile questions to a tiny model."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
import tiny

from xlkb import analysis, models, profiles, report, scoring, tasks
from xlkb.ground import paths
from xlkb.report import pages

HOSTILE = "<script>window.bad = 1</script><img src=x onerror='window.bad = 2'>\u2028</script>&amp;"


def demo(folder: Path) -> Path:
    """The report of the demo, from its committed figures, notebooks and scores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLKB_REPLAY", "1")
        patch.setenv("XLKB_RESULTS", str(paths.REFERENCE))
        patch.setattr(paths, "FIGURES", paths.ROOT / "figures")
        return pages.run(profiles.load("demo"), paths.NOTEBOOKS, folder)


def hostile(folder: Path) -> Path:
    """The report of a run without notebooks, on two questions that hold HTML and scripts."""
    questions = folder / "questions.jsonl"
    texts = {"en": f"{HOSTILE} tea?", "he": f"{HOSTILE} תה?"}
    options = {code: [HOSTILE, "tea", "milk", "שוקו"] for code in texts}
    asked = {"subject": HOSTILE, "answer": 1, "question": texts, "options": options}
    lines = [json.dumps({"id": f"{HOSTILE}{i}", **asked}, ensure_ascii=False) for i in range(2)]
    questions.write_text("\n".join(lines), encoding="utf-8")
    model = folder / "model"
    tiny.network().save_pretrained(model)
    tiny.tokenizer().save_pretrained(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLKB_RESULTS", str(folder / "results"))
        patch.setattr(paths, "FIGURES", folder / "figures")
        task = f"path:{questions}"
        run = profiles.load("demo", "02_general_knowledge_barrier", f"path:{model}", task)
        asked = models.load(run.models[0], label=HOSTILE)
        loaded = tasks.load(run.task, languages=run.languages, n=run.barrier.n_items, seed=run.seed)
        names = tasks.recompose.possible(tasks.recompose.PAPER, run.five)
        for base in (names, ["full"]):
            grid = tasks.recompose.grid(loaded, base, run.languages, run.seed, run.base)
            rows = scoring.score(asked, grid, run.results, run.style)
        table = analysis.accuracy(analysis.decide(rows), ["model", "language"])
        report.table(table, "table02b_multilingual", run, [asked], HOSTILE)
        return pages.run(run, folder, folder / "report")


class Elements(HTMLParser):
    """What a page consists of: `tags` (name, attributes), and the `scripts` that it runs."""

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self.shown: list[str] = []
        self._within = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        self._within = tag if tag in ("script", "style") else ""
        if tag == "script" and not dict(attrs).get("type"):
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        """Leave a script or style."""
        self._within = ""

    def handle_data(self, data: str) -> None:
        """Note a script, or what is shown."""
        if self._within == "script" and not self.tags[-1][1].get("type"):
            self.scripts[-1] += data
        elif not self._within:
            self.shown.append(data)

    def addresses(self) -> list[tuple[str, str]]:
        """(tag, address) of everything that is linked or loaded."""
        names = ("src", "href", "srcset", "action", "data", "poster", "background", "formaction")
        return [(tag, held[name]) for tag, held in self.tags for name in names if held.get(name)]
