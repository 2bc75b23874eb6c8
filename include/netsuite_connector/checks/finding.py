"""What a step of the check found."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from netsuite_connector.errors import ConnectorError


class Verdict(enum.StrEnum):
    """``WARNING``: it works, but somebody should look. ``SKIPPED``: not tried, as the sentence explains."""

    RIGHT = "right"
    WRONG = "wrong"
    WARNING = "warning"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """``sentence`` says what is right, or what is wrong and how to mend it; never anything personal."""

    step: str
    verdict: Verdict
    sentence: str


Found = tuple[Verdict, str]
"""What an attempt gives: its verdict and its sentence."""


def right(sentence: str) -> Found:
    """What was tried is right."""
    return Verdict.RIGHT, sentence


def warning(sentence: str) -> Found:
    """What was tried works, but somebody should look."""
    return Verdict.WARNING, sentence


def wrong(sentence: str) -> Found:
    """What was tried is wrong."""
    return Verdict.WRONG, sentence


def untried(sentence: str) -> Found:
    """Nothing was tried."""
    return Verdict.SKIPPED, sentence


def tried(step: str, attempt: Callable[[], Found]) -> Finding:
    """What ``attempt`` finds. An error that it raises on purpose is what is wrong."""
    try:
        verdict, sentence = attempt()
    except ConnectorError as error:
        verdict, sentence = Verdict.WRONG, str(error)
    return Finding(step, verdict, sentence)


def skipped(steps: Iterable[str], reason: str) -> Iterator[Finding]:
    """Steps that can't be tried."""
    for step in steps:
        yield Finding(step, Verdict.SKIPPED, f"Not tried: {reason}.")
