"""`make chaos`: runs seeds and prints what each has survived."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chaos import seed, stack
from chaos.seed import Outcome

SEEDS = 50
AIRFLOW = 3

How = Callable[[int, Path], Outcome]


def main() -> int:
    """The exit status is 0 only if every seed passed."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds (%(default)s)")
    parser.add_argument("--airflow", type=int, default=AIRFLOW, help="how many under Airflow (%(default)s)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (%(default)s)")
    parser.add_argument("--keep", type=Path, help="an empty folder in which staging and logs are kept")
    parser.add_argument("--jobs", type=int, default=2, help="seeds at once, not under Airflow (%(default)s)")
    asked = parser.parse_args()
    console = Console(width=160)
    outcomes = []
    for how, count, jobs in ((seed.run, asked.seeds, asked.jobs), (stack.run, asked.airflow, 1)):
        again = "--seeds 1 --airflow 0" if how is seed.run else "--seeds 0 --airflow 1"
        for outcome in _all(how, range(asked.first, asked.first + count), jobs, asked.keep):
            outcomes.append(outcome)
            tell(console, outcome, f"python -m chaos --first {outcome.seed} {again}")
    show(console, outcomes)
    return 1 if any(outcome.problems for outcome in outcomes) else 0


def _all(how: How, numbers: Iterable[int], jobs: int, keep: Path | None) -> Iterator[Outcome]:
    """The outcomes of all seeds, as they come."""
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(jobs, mp_context=context)
    try:
        for done in as_completed([pool.submit(survive, how, number, keep) for number in numbers]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def survive(how: How, number: int, keep: Path | None) -> Outcome:
    """Run a seed in a folder of its own. One that breaks down has failed, with what it broke down of."""
    with tempfile.TemporaryDirectory(prefix=f"chaos-{number}-") as temporary:
        folder = Path(temporary) if keep is None else keep / f"{how.__module__}-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        with _logging_to(folder / "chaos.log"):
            try:
                return how(number, folder)
            except Exception as error:
                logging.getLogger(__name__).exception("The seed broke down.")
                return Outcome(number, problems=[f"the seed broke down: {type(error).__name__}: {error}"])


def tell(console: Console, outcome: Outcome, command: str) -> None:
    """A line of what a seed survived; for one that failed, what differs and the command to run it again."""
    told = "passed" if not outcome.problems else "FAILED"
    console.print(
        f"seed {outcome.seed}: {told} in {outcome.seconds:.0f} s; {outcome.saves.total()} saves, "
        f"{outcome.faults.total()} faults of {len(outcome.faults)} kinds, "
        f"{outcome.record.kills.total()} kills, {outcome.record.retried} tasks tried again, "
        f"{outcome.record.failed.total()} runs failed, {outcome.again} events sent again",
        highlight=False,
    )
    for problem in outcome.problems:
        console.print(f"    {problem}", highlight=False, markup=False)
    if outcome.problems:
        console.print(f"    again: {command}", highlight=False)


def show(console: Console, outcomes: list[Outcome]) -> None:
    """What all seeds have survived together."""
    passed = sum(not outcome.problems for outcome in outcomes)
    console.print(f"\n{passed} of {len(outcomes)} seeds passed.\n", highlight=False)
    for title, counts in (
        ("Faults survived", (outcome.faults for outcome in outcomes)),
        ("Processes killed (-9)", (outcome.record.kills for outcome in outcomes)),
        ("Saves", (outcome.saves for outcome in outcomes)),
    ):
        console.print(_table(title, counts))


def _table(title: str, counts: Iterable[Counter[str]]) -> Table:
    whole: Counter[str] = sum(counts, Counter())
    table = Table(title=f"{title}: {whole.total():,}", title_justify="left")
    table.add_column("kind")
    table.add_column("number", justify="right")
    for kind, number in whole.most_common():
        table.add_row(kind, f"{number:,}")
    return table


@contextmanager
def _logging_to(file: Path) -> Iterator[None]:
    """What the product and the sandbox accounts say goes into a file meanwhile."""
    handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    said = os.dup(sys.stderr.fileno())
    with file.open("ab") as everything:
        os.dup2(everything.fileno(), sys.stderr.fileno())
    try:
        yield
    finally:
        os.dup2(said, sys.stderr.fileno())
        os.close(said)
        root.removeHandler(handler)
        handler.close()


if __name__ == "__main__":
    sys.exit(main())
