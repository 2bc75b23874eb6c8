"""The tasks of a flow: one a stage. Each opens the run anew from what was asked for, so that it can run
anywhere and again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from netsuite_connector.airflow.retries import ByFault
from netsuite_connector.errors import MendError

if TYPE_CHECKING:
    from netsuite_connector.flows.run import Run

log = logging.getLogger(__name__)

NETSUITE_POOL = "netsuite"
"""The pool whose slots are the share of the NetSuite account's concurrency that all flows have together."""

Counts = dict[str, Any]


def open_run(store: str, flow: str, params: dict[str, Any], run_after: Any) -> Run:
    """The run that is asked for. Raises MendError for a store or flow that isn't there and for a window that
    can't be.
    """
    from netsuite_connector.domains.registry import DOMAINS
    from netsuite_connector.flows.run import Run, check_searches, open_staging
    from netsuite_connector.stores.load import load_stores
    from netsuite_connector.window import Window

    stores = {entry.store: entry for entry in load_stores()}
    if store not in stores:
        raise MendError(
            f"There is no store '{store}' any more: its file in include/stores was renamed or removed."
        )
    check_searches(stores[store], DOMAINS[flow])
    end = params["to"] or run_after.replace(second=0, microsecond=0).isoformat()
    return Run(
        store=stores[store],
        domain=DOMAINS[flow],
        window=Window.parse(params["from"], end),
        staging=open_staging(),
        limit=params["limit"],
        dry_run=params["dry_run"],
    )


@contextmanager
def _run(store: str, flow: str) -> Iterator[Run]:
    """The run of the current task. What a person must mend ends it in one sentence instead of a stack of
    calls.
    """
    try:
        context = get_current_context()
        dag_run: Any = context["dag_run"]
        yield open_run(store, flow, dict(context["params"]), dag_run.run_after)
    except MendError as error:
        # Airflow logs a failure with its stack of calls; the sentence stands before it on a line of its own.
        log.error("%s", error)  # noqa: TRY400 - the stack says nothing to whoever can mend this
        raise AirflowFailException(str(error)) from None


@task(pool=NETSUITE_POOL, retry_policy=ByFault())
def extract(store: str, flow: str) -> Counts:
    """Read the saved searches into staging."""
    from netsuite_connector.airflow.netsuite_hook import NetSuiteHook
    from netsuite_connector.flows.extract import extract as stage

    with _run(store, flow) as run:
        return stage(run, NetSuiteHook(run.store.netsuite.connection).client())


@task(retry_policy=ByFault())
def validate(store: str, flow: str) -> Counts:
    """Check every row against the domain's Great Expectations suite."""
    from netsuite_connector.flows.validate import validate as stage

    with _run(store, flow) as run:
        return stage(run)


@task(retry_policy=ByFault())
def shape(store: str, flow: str) -> Counts:
    """Turn valid rows into what Klaviyo wants, less what has not changed."""
    from netsuite_connector.flows.shape import shape as stage

    with _run(store, flow) as run:
        return stage(run)


@task(retry_policy=ByFault())
def push(store: str, flow: str) -> Counts:
    """Send the batches, unless it is a dry run."""
    from netsuite_connector.flows.push import push as stage

    with _run(store, flow) as run:
        return stage(run, _klaviyo(run))


@task(retry_policy=ByFault())
def confirm(store: str, flow: str) -> Counts | None:
    """Follow Klaviyo's jobs to their end; nothing to do after a dry run."""
    from netsuite_connector.flows.confirm import confirm as stage

    with _run(store, flow) as run:
        client = _klaviyo(run)
        return stage(run, client) if client is not None else None


@task(retries=0)
def report(  # noqa: PLR0913, PLR0917 - what each stage counted
    store: str,
    flow: str,
    extracted: Counts,
    validated: Counts,
    shaped: Counts,
    pushed: Counts,
    confirmed: Counts | None,
) -> Counts:
    """The run's numbers; fails unless they add up."""
    from netsuite_connector.flows.report import report as stage

    with _run(store, flow) as run:
        return stage(run, extracted, validated, shaped, pushed, confirmed)


def _klaviyo(run: Run) -> Any:
    """A client for the store's Klaviyo account; None for a dry run, which must not need one."""
    if run.dry_run:
        return None
    from netsuite_connector.airflow.klaviyo_hook import KlaviyoHook

    return KlaviyoHook(run.store.klaviyo.connection).client()


def chain_stages(store: str, flow: str) -> Any:
    """The six tasks in their order, within the current DAG. Returns the report's output."""
    counts: list[Any] = []
    stages: tuple[Callable[..., Any], ...] = (extract, validate, shape, push, confirm)
    for stage in stages:
        output = stage(store, flow)
        if counts:
            counts[-1] >> output
        counts.append(output)
    return report(store, flow, *counts)
