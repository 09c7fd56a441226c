"""Parallel documents whose every phrase names its language and place; and hypothesis for them."""

from hypothesis import strategies as st

from xlkb import corpora

FIVE = ("en", "fr", "de", "es", "it")


def toy(shape=((2, 1), (3,)), languages=FIVE, words=4):
    """Documents from `shape`: per document the number of phrases of each sentence.

    Phrase 1 of sentence 0 of document 2 is "fr2.0.1a fr2.0.1b ..." in French.
    """
    rows = []
    for d, sentences in enumerate(shape):
        segments = [
            {
                "sentence": s,
                "text": {
                    code: " ".join(f"{code}{d}.{s}.{p}{'abcdefghij'[w]}" for w in range(words))
                    for code in languages
                },
            }
            for s, phrases in enumerate(sentences)
            for p in range(phrases)
        ]
        rows.append({"corpus": "toy", "id": f"d{d}", "subject": "toys", "segments": segments})
    return corpora.dataset(rows, languages)


shapes = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=4), min_size=1, max_size=4)
