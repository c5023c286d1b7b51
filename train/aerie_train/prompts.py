"""Training prompts: user messages that share no run of words with what heads are evaluated on."""

import re

RUN = 13
"""Words in a row that count as the same text."""


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _runs(text: str) -> set[tuple[str, ...]]:
    """All runs of RUN words, or the whole of a shorter text."""
    words = _words(text)
    return {tuple(words[i : i + RUN]) for i in range(max(1, len(words) - RUN + 1))}


def select_prompts(texts: list[str], evaluated: list[str]) -> list[str]:
    """Keeps what is no repetition, and shares no run of words with a text of `evaluated`; order as given."""
    forbidden = set().union(*(_runs(text) for text in evaluated))
    kept, seen = [], set()
    for text in texts:
        words = tuple(_words(text))
        if words and words not in seen and not _runs(text) & forbidden:
            seen.add(words)
            kept.append(text)
    return kept
