"""What a question is about: answers to several questions about one thing are not independent."""


def cluster(task: str, identifier: str) -> str:
    """What a question shares with others of its task: whoever resamples draws these as a whole.

    worldfacts: the country (a city's own country, too); academy: the character; belebele: the
    article that the passage is from. Of every other task the question itself: the subjects of MMLU
    and ARC are all that there are and no sample of subjects, so they are no clusters, and of an own
    task nobody knows.

    >>> cluster("worldfacts", "worldfacts/city_country/AU-Adelaide")
    'AU'
    >>> cluster("mmlu", "mmlu/anatomy/7")
    'mmlu/anatomy/7'
    """
    if task == "worldfacts":
        return identifier.rsplit("/", 1)[-1].split("-")[0]
    if task == "academy":
        return identifier.rsplit("/", 1)[-1]
    if task == "belebele":
        return identifier.rsplit("/", 1)[0]
    return identifier
