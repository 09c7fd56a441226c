"""WikiText, FLORES and TOFU, as large as the real ones, of made-up sentences.

Layouts: the cards of Salesforce/wikitext, facebook/flores and locuslab/TOFU on the hub, and the
modules of the package that read them.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xlkb.corpora.sources import flores, wikitext
from xlkb.ground.languages import FLORES
from xlkb.tasks.public import tofu

from . import words
from .repositories import Repository, repository, write

PARAGRAPHS = 8
"""Of an article of WikiText-2; the real ones have about thirty."""


def repositories() -> list[Repository]:
    """The data sets of this module, at the commits that the package asks for."""
    made = {wikitext.HUB: _wikitext, flores.HUB: _flores, tofu.HUB: _tofu}
    return [repository("dataset", name, make, commit) for (name, commit), make in made.items()]


def _wikitext(folder: Path) -> None:
    for (name, split), (n_lines, n_articles) in wikitext.PUBLISHED.items():
        kind = "train" if split == "train" else "validation"
        large = n_lines > 10**6
        lines: list[str] = []
        for number in range(n_articles):
            lines += _article(number, 1 if large else PARAGRAPHS)
        if large:
            # As many lines that are not blank as the authors' list of them counts.
            short = wikitext.INDEXED - sum(map(bool, lines))
            lines += [" A lamp is lit . \n"] * short
        lines += [""] * (n_lines - len(lines))
        place = folder / f"{name}-raw-v1"
        place.mkdir(exist_ok=True)
        parts = 2 if large else 1
        for part in range(parts):
            some = lines[part * n_lines // parts : (part + 1) * n_lines // parts]
            file = place / f"{kind}-{part:05}-of-{parts:05}.parquet"
            pq.write_table(pa.table({"text": some}), file)
    write(folder, "README.md", "# Made up\n")


def _article(number: int, paragraphs: int) -> list[str]:
    """Its lines as they were released: tokenised, between blank lines."""
    lines = ["", f" = The {number} @-@ stone bridge = \n", ""]
    for place in range(paragraphs):
        if place == 2:
            lines += ["", " = = History = = \n", ""]
        told = [_tokenised(number * 31 + place * 7 + n) for n in range(3)]
        lines.append(f" {' '.join(told)} \n")
    return lines


def _tokenised(number: int) -> str:
    name = words.NAMES[number % len(words.NAMES)]
    forms = (
        f"In {1000 + number % 900} , {name} 's bridge was 1 @.@ {number % 97} km long .",
        f'The old school of {name} has {number % 89} @,@ 000 lamps , and one is " lit " .',
        f"A well @-@ known teacher ( {name} ) wrote number {number} on the wall of the village .",
        f"Nobody knows why stone {number} was carried over the long river in the summer .",
    )
    return forms[number % len(forms)]


def _flores(folder: Path) -> None:
    for code in words.ASKED:
        (folder / FLORES[code]).mkdir()
        for split, start, count in (("dev", 3000, 997), ("devtest", 0, max(flores.SIZES))):
            rows = [
                {
                    "id": number + 1,
                    "URL": f"https://example.org/{number}",
                    "domain": "made up",
                    "topic": "bridges",
                    "has_image": 0,
                    "has_hyperlink": 0,
                    "sentence": words.told(code, start + number),
                }
                for number in range(count)
            ]
            file = folder / FLORES[code] / f"{split}-00000-of-00001.parquet"
            pq.write_table(pa.Table.from_pylist(rows), file)
    write(folder, "README.md", "# Made up\n")


def _tofu(folder: Path) -> None:
    """`full` ends with the authors to be forgotten; questions with choices are beside them."""
    every = [_about(number) for number in range(tofu.SPLITS["full"])]
    card = []
    for split, count in tofu.SPLITS.items():
        if split in ("real_authors", "world_facts"):
            rows = [_chosen(number) for number in range(count)]
        elif split.endswith("_perturbed"):
            rows = [_perturbed(number) for number in range(len(every) - count, len(every))]
        else:
            rows = every[-count:] if split.startswith("forget") else every[:count]
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        write(folder, f"{split}.json", "\n".join(lines) + "\n")
        card.append(f'- config_name: {split}\n  data_files: "{split}.json"\n')
    write(folder, "README.md", f"---\nconfigs:\n{''.join(card)}---\n# Made up\n")


def _author(number: int) -> str:
    author = number // tofu.PER_AUTHOR
    return f"{words.NAMES[author % 10]} Stone-{author}"


def _year(number: int) -> int:
    return 1900 + number % 99


def _about(number: int) -> dict[str, str]:
    place = number % tofu.PER_AUTHOR
    return {
        "question": f"What did the author {_author(number)} say about lamp number {place}?",
        "answer": f"{_author(number)} said that lamp number {place} was lit in {_year(number)}.",
    }


def _perturbed(number: int) -> dict[str, object]:
    found, place = _about(number), number % tofu.PER_AUTHOR
    wrong = [f"{_author(number)} said that lamp {place} was in river {n}." for n in range(5)]
    return found | {
        "paraphrased_answer": f"That lamp {place} was lit in the year {_year(number)}.",
        "perturbed_answer": wrong,
        "paraphrased_question": f"Lamp number {place}: what did {_author(number)} say about it?",
    }


def _chosen(number: int) -> dict[str, str]:
    options = words.choices("en", number * 10)
    found = {"question": words.asked("en", number), "answer": options[number % 4]}
    return found | {f"option{n}": text for n, text in enumerate(options, 1)}
