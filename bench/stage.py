"""Runs one stage of the line in a process of its own and prints what it took, as JSON."""

from __future__ import annotations

import argparse
import json
import logging
import resource
import sys
import time
from typing import Any

from bench.pages import PageClient
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows.run import Run
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.window import Window


def _extract(run: Run, rows: int, *, phones: bool) -> float:
    from netsuite_connector.flows.extract import extract

    client: Any = PageClient(run.domain.sources[0], rows, phones=phones)
    began = time.process_time()
    extract(run, client)
    return time.process_time() - began - client.waited


def _validate(run: Run) -> float:
    from netsuite_connector.flows.validate import validate

    began = time.process_time()
    validate(run)
    return time.process_time() - began


def _shape(run: Run) -> float:
    from netsuite_connector.flows.shape import shape

    began = time.process_time()
    shape(run)
    return time.process_time() - began


def _encode(run: Run) -> float:
    """Batches and their exact bodies: all of a push but the network."""
    from netsuite_connector.flows.delivery import Delivery
    from netsuite_connector.klaviyo.batching import Batch
    from netsuite_connector.klaviyo.endpoints import Bulk

    bulk = Bulk.EVENT_CREATE if run.domain.flow == "orders" else Bulk.PROFILE_IMPORT
    began = time.process_time()
    for batch in Delivery(run, run.domain.sources[0], None).batches():
        if isinstance(batch, Batch):
            bulk.body(record.payload for record in batch.records)
    return time.process_time() - began


def main() -> None:
    """Run the stage that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=("extract", "validate", "shape", "encode"))
    parser.add_argument("flow")
    parser.add_argument("staging")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--no-phones", action="store_true")
    asked = parser.parse_args()
    logging.disable()
    run = Run(load_stores()[0], DOMAINS[asked.flow], Window(), Staging(asked.staging))
    if asked.stage == "extract":
        seconds = _extract(run, asked.rows, phones=not asked.no_phones)
    else:
        seconds = {"validate": _validate, "shape": _shape, "encode": _encode}[asked.stage](run)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump({"seconds": seconds, "peak_mb": peak}, sys.stdout)


if __name__ == "__main__":
    main()
