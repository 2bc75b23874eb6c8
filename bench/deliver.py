"""Delivery to the sandbox Klaviyo within its published limits, in its real windows: how much of the steady
limit the product uses, how often it is refused, and what that costs the processor.

Run by `python -m bench.deliver`; `--seconds` makes it shorter. Only the process that pushes is measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import requests
from rich.console import Console
from rich.table import Table

from netsuite_connector.domains.model import Kind, Source
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows.push import push
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import SCHEMA
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import Bulk, Endpoint, Envelope
from netsuite_connector.klaviyo.limiter import FileWindows, Limiter, Windows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.window import Window

SECONDS = 180
GOAL_SHARE, GOAL_CORE = 0.97, 0.20
EVENTS_A_SECOND = 2_500
DIFFERENT_PROFILES = 20_000  # they come again and again, so that the sandbox holds no more
# Profiles with a long text: about a thousand fill a request's bytes, and the sandbox keeps up with the jobs.
PROFILES_A_REQUEST, NOTE = 1_000, 4_150
_LARGE, _SMALL, _TOGETHER = "Profiles", "Small profiles", "Events of two flows and a backfill"
# Of small ones 25,000 go in a second. The sandbox takes them, but would be busy with their jobs, which are
# put off for so long; and it keeps their requests, so that a minute of them is enough.
_NEVER, _SMALL_SECONDS = "1000000", 60
_CHUNK = 50_000
_FLOWS = {
    "Events": ("orders", Kind.EVENT, Bulk.EVENT_CREATE),
    _TOGETHER: ("orders", Kind.EVENT, Bulk.EVENT_CREATE),
    _LARGE: ("customers", Kind.PROFILE, Bulk.PROFILE_IMPORT),
    _SMALL: ("customers", Kind.PROFILE, Bulk.PROFILE_IMPORT),
    "Catalog items": ("catalog", Kind.ITEM, Bulk.ITEM_CREATE),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """What the process that pushes is asked to do."""

    what: str
    folder: str
    url: str = ""
    key: str = ""
    requests: int = 0
    limits: str = ""  # where calls are counted
    background: bool = False


class Timed(Limiter):
    """Notes when each request of one endpoint was let through."""

    def __init__(self, endpoint: Endpoint, windows: Windows, *, account: str, background: bool) -> None:
        super().__init__(windows, account=account, background=background)
        self.moments: list[float] = []
        self._noted = endpoint

    def acquire(self, endpoint: Endpoint) -> float:
        """See :class:`Limiter`."""
        waited = super().acquire(endpoint)
        if endpoint == self._noted:
            self.moments.append(time.monotonic())
        return waited


def _run(job: Job) -> Run:
    """The run that pushes the one source that is measured."""
    flow, kind, _ = _FLOWS[job.what]
    domain = DOMAINS[flow]
    source = next(each for each in domain.delivered if each.kind is kind)
    alone = dataclasses.replace(domain, sources=(source,))
    return Run(load_stores()[0], alone, Window(), Staging(job.folder), limit=1)


def _prepare(job: Job) -> None:
    """Stage as many records as fill the requests."""
    run = _run(job)
    [source] = run.domain.delivered
    kind = source.kind
    each = PROFILES_A_REQUEST if job.what == _LARGE else _FLOWS[job.what][2].envelope.records
    count = job.requests * each
    payloads = _items(count) if kind is Kind.ITEM else _shaped(job, source, count)
    keys = map(str, range(1, count + 1))
    with run.dataset("records", source).writer(SCHEMA) as writer:
        for start in range(0, count, _CHUNK):
            part = list(islice(payloads, min(_CHUNK, count - start)))
            ids = range(start + 1, start + 1 + len(part))
            columns = {"id": ids, "sub": [0] * len(part), "key": list(islice(keys, len(part)))}
            columns |= {"rows": [1] * len(part), "payload": part}
            table = pa.table(
                {
                    name: pa.array(columns[name], field.type)
                    if name in columns
                    else pa.nulls(len(part), field.type)
                    for name, field in zip(SCHEMA.names, SCHEMA, strict=True)
                }
            )
            writer.write(table)
        writer.commit()


def _shaped(job: Job, source: Source, count: int) -> Iterator[bytes]:
    """What the flow makes of rows of the bench, again from the beginning when it has come to its end."""
    flow, kind, _ = _FLOWS[job.what]
    # An order of three lines becomes four events; a few customers in a hundred have no address.
    rows = count * 3 // 4 + 30 if kind is Kind.EVENT else min(count, DIFFERENT_PROFILES)
    for stage in ("extract", "validate", "shape"):
        command = [sys.executable, "-m", "bench.stage", stage, flow, job.folder, "--rows", str(rows)]
        subprocess.run([*command, "--no-phones"], check=True, capture_output=True, timeout=600)
    shaped = Run(load_stores()[0], DOMAINS[flow], Window(), Staging(job.folder)).dataset("records", source)
    for batch in chain.from_iterable(shaped.batches(columns=["payload"]) for _ in cycle((0,))):
        for payload in batch.column("payload").to_pylist():
            yield _with_note(payload) if job.what == _LARGE else payload


def _with_note(payload: bytes) -> bytes:
    profile = orjson.loads(payload)
    profile["attributes"]["properties"]["Note"] = "x" * NOTE
    return orjson.dumps(profile)


def _items(count: int) -> Iterator[bytes]:
    for number in range(1, count + 1):
        attributes = {
            "external_id": str(number),
            "integration_type": "$custom",
            "catalog_type": "$default",
            "title": f"Merino crew neck {number}",
            "description": f"Soft merino wool from happy sheep, number {number}. " * 4,
            "price": 19.95,
            "url": f"https://shop.example/merino-{number}",
            "image_full_url": f"https://shop.example/images/merino-{number}.jpg",
            "custom_metadata": {"sku": f"SKU-{number}", "type": "Inventory Item", "quantity_available": 12},
            "published": True,
        }
        yield orjson.dumps({"type": "catalog-item", "attributes": attributes})


def _push(job: Job) -> dict[str, Any]:
    """Push it all in this process. ``moments``: when each request was let through."""
    run = _run(job)
    endpoint = _FLOWS[job.what][2].envelope.push
    windows = FileWindows(Path(job.limits))
    limiter = Timed(endpoint, windows, account="bench", background=job.background)
    with requests.Session() as session:
        client = KlaviyoClient(session, base_url=job.url, api_key=job.key, limiter=limiter)
        used, began = time.process_time(), time.monotonic()
        counts = push(run, client)
        return {
            "records": counts["records"],
            "seconds": time.monotonic() - began,
            "moments": limiter.moments,
            "cpu": time.process_time() - used,
        }


def _measure(what: str, seconds: int, sandbox: SandboxAccount) -> dict[str, float]:
    envelope: Envelope = _FLOWS[what][2].envelope
    # One more than the windows take shows when the next one would have gone.
    steady = envelope.push.steady * seconds // 60
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        own = Path(folder, "own")
        job = Job(what, str(own), sandbox.url, sandbox.key, steady + 1, str(Path(folder, "limits.sqlite")))
        _prepare(job if what != _TOGETHER else dataclasses.replace(job, requests=(steady + 1) // 2 + 1))
        measured = _pushed([job] if what != _TOGETHER else _three(job, Path(folder)), 60 * seconds)
    moments = sorted(moment for each in measured for moment in each["moments"])
    records, cpu = (sum(each[name] for each in measured) for name in ("records", "cpu"))
    longest = max(each["seconds"] for each in measured)
    traffic = sandbox.state()["requests"]
    return {
        "records": records,
        "seconds": longest,
        "cpu": cpu,
        "requests": traffic[str(envelope.push)]["requests"],
        # From the first request to the one that had to wait for the end of the last window.
        "share": steady / (envelope.push.steady * (moments[steady] - moments[0]) / 60),
        "throttled": sum(each["throttled"] for each in traffic.values()),
        "core": cpu / longest,
        "core_at": cpu / records * EVENTS_A_SECOND,
    }


def _three(job: Job, folder: Path) -> list[Job]:
    """The same records as two flows and a backfill, each with staging of its own. Both flows have work until
    the windows are over.
    """
    made = []
    for name in ("flow", "other", "backfill"):
        shutil.copytree(job.folder, folder / name)
        made.append(dataclasses.replace(job, folder=str(folder / name), background=name == "backfill"))
    return made


def _pushed(jobs: list[Job], patience: float) -> list[dict[str, Any]]:
    """What each of these pushes came to, all at once in processes of their own."""

    def pushed(job: Job) -> dict[str, Any]:
        command = [sys.executable, "-m", "bench.deliver", "--push"]
        asked = json.dumps(dataclasses.asdict(job))
        done = subprocess.run(
            command, input=asked, check=True, capture_output=True, text=True, timeout=patience
        )
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(pushed, jobs))


def show(console: Console, seconds: int = SECONDS, kinds: Sequence[str] = ()) -> None:
    """Print what each kind of record (or these) reached in so many seconds of windows."""
    table = Table(
        title=f"Delivery over {seconds:,} s within Klaviyo's published limits", title_justify="left"
    )
    names = ("", "requests", "records", "seconds", "of the steady limit", "429", "CPU s")
    for name in (*names, "core", f"core at {EVENTS_A_SECOND:,}/s"):
        table.add_column(name, justify="right" if name else "left")
    for what in kinds or _FLOWS:
        least = min(seconds, _SMALL_SECONDS) if what == _SMALL else seconds
        console.print(f"{what}: {least:,} seconds …")
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            options = ["--limits-scale", "1", "--database", str(Path(folder, "klaviyo.sqlite"))]
            options += ["--job-seconds", _NEVER] if what == _SMALL else []
            with running_sandbox(*options) as sandbox:
                done = _measure(what, least, sandbox)
        table.add_row(
            what,
            f"{done['requests']:,.0f}",
            f"{done['records']:,.0f}",
            f"{done['seconds']:.1f}",
            f"{done['share']:.1%}",
            f"{done['throttled']:.0f}",
            f"{done['cpu']:.1f}",
            f"{done['core']:.1%}",
            f"{done['core_at']:.1%}",
        )
    console.print(table)
    console.print(
        f"Goal: at least {GOAL_SHARE:.0%} of the steady limit, no 429, "
        f"less than {GOAL_CORE:.0%} of a core for {EVENTS_A_SECOND:,} events a second.\n"
    )


def main() -> None:
    """Print all; or push once for ``_measure``, which asks on standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of each kind; whole minutes")
    parser.add_argument("--kind", action="append", choices=list(_FLOWS), help="only this; several times")
    parser.add_argument("--push", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.push:
        logging.disable()
        json.dump(_push(Job(**json.load(sys.stdin))), sys.stdout)
    else:
        show(Console(width=110), asked.seconds, asked.kind or ())


if __name__ == "__main__":
    main()
