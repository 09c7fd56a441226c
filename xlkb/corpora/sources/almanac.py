"""The almanac: encyclopaedic prose of this project's own, in the five languages of the paper.

The texts are `xlkb/data/almanac/<subject>.toml`: a table per document (`id`), in it one per
sentence with the keys en fr de es it. " | " separates aligned phrases: all five languages have the
same number of phrases, and phrase i means the same in all five.
"""

import tomllib
from pathlib import Path

from xlkb.ground import paths, texts
from xlkb.ground.languages import FIVE

FOLDER = paths.PACKAGE_DATA / "almanac"
MARK = " | "


def rows(folder: Path = FOLDER) -> list[dict]:
    """Every document, by subject and then in the file's order.

    Returns:
        Dicts of `corpus, id` ("almanac/tides"), `subject` (the file's name) and `segments`.

    Raises:
        ValueError: malformed documents; up to ten problems, each with file, document and sentence.
    """
    found, problems, seen = [], [], {}
    paths_ = sorted(folder.glob("*.toml"))
    if not paths_:
        raise ValueError(f"{folder} holds no .toml file of documents.")
    for path in paths_:
        try:
            documents = tomllib.loads(path.read_text(encoding="utf-8")).get("documents")
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problems.append(f"{path.name}: {error}")
            continue
        if not documents or not isinstance(documents, list):
            problems.append(f"{path.name} has no [[documents]]")
            continue
        for number, document in enumerate(documents, 1):
            identifier = document.get("id")
            where = f"{path.name}, document {identifier or number}"
            if not isinstance(identifier, str) or not identifier.strip():
                problems.append(f"{where}: `id` is missing")
            elif identifier in seen:
                problems.append(f"{where}: the same id is in {seen[identifier]} too")
            else:
                seen[identifier] = path.name
            segments, faults = _segments(document.get("sentences"))
            problems += [f"{where}{fault}" for fault in faults]
            found.append(
                {
                    "corpus": "almanac",
                    "id": f"almanac/{identifier}",
                    "subject": path.stem,
                    "segments": segments,
                }
            )
    texts.refuse(problems, f"{folder.name} is malformed:")
    return found


def _segments(sentences: object) -> tuple[list[dict], list[str]]:
    if not sentences or not isinstance(sentences, list):
        return [], [": it has no sentences"]
    segments, faults = [], []
    for number, sentence in enumerate(sentences):
        where = f", sentence {number + 1}: "
        given = {code: sentence.get(code) for code in FIVE}
        if set(sentence) != set(FIVE) or not all(isinstance(text, str) for text in given.values()):
            faults.append(f"{where}it has {', '.join(sentence)} in place of {', '.join(FIVE)}")
            continue
        phrases = {code: text.split(MARK) for code, text in given.items()}
        counts = {code: len(parts) for code, parts in phrases.items()}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{code} {count}" for code, count in counts.items())
            faults.append(f"{where}the numbers of phrases differ ({listed})")
            continue
        untidy = [
            f"{where}{code} has {part!r}: an empty phrase, a stray '|' or a wrong space"
            for code, parts in phrases.items()
            for part in parts
            if part != " ".join(part.split()) or not part or "|" in part
        ]
        faults += untidy
        segments += [
            {"sentence": number, "text": {code: phrases[code][i] for code in FIVE}}
            for i in range(counts["en"])
        ]
    return segments, faults
