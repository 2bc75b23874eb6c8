"""The tasks of a flow: one a stage. Each opens the run anew from what was asked for, so that it can run
anywhere and again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from netsuite_connector.airflow.retries import ByFault
from netsuite_connector.airflow.schedule import asked_window
from netsuite_connector.airflow.schedule_turns import keep_turn, take_turn
from netsuite_connector.errors import MendError

if TYPE_CHECKING:
    from netsuite_connector.flows.run import Run

log = logging.getLogger(__name__)

NETSUITE_POOL = "netsuite"
"""The pool whose slots are the share of the NetSuite account's concurrency that all flows have together."""

Counts = dict[str, Any]


def open_run(store: str, flow: str) -> Run:
    """A run of the flow, before it is planned. Raises MendError for a store or flow that isn't there."""
    from netsuite_connector.flows.domain import domain_of
    from netsuite_connector.flows.run import Run, check_searches, open_staging
    from netsuite_connector.stores.load import load_stores
    from netsuite_connector.window import Window

    stores = {entry.store: entry for entry in load_stores()}
    if store not in stores:
        raise MendError(
            f"There is no store '{store}' any more: its file in include/stores was renamed or removed."
        )
    domain = domain_of(stores[store], flow)
    check_searches(stores[store], domain)
    return Run(stores[store], domain, Window(), open_staging())


@contextmanager
def mending() -> Iterator[None]:
    """What a person must mend ends the current task in one sentence instead of a stack of calls."""
    try:
        yield
    except MendError as error:
        # Airflow logs a failure with its stack of calls; the sentence stands before it on a line of its own.
        log.error("%s", error)  # noqa: TRY400 - the stack says nothing to whoever can mend this
        raise AirflowFailException(str(error)) from None


@contextmanager
def _run(store: str, flow: str, planned: Counts) -> Iterator[Run]:
    """The current task's run as it was planned."""
    from netsuite_connector.flows.plan import Plan

    with mending():
        run = open_run(store, flow)
        keep_turn(run.staging, (store, flow), get_current_context())
        yield Plan.of_json(planned).run(run)


# One at a time of all the DAG's runs, so that no two of them take the same turn.
@task(pool=NETSUITE_POOL, retry_policy=ByFault(), max_active_tis_per_dag=1)
def plan(store: str, flow: str) -> Counts:
    """Wait until no other run of the flow is under way. Then decide what the run reads: the window, and the
    settings of YAML and NetSuite together.
    """
    from netsuite_connector.flows.plan import Asked
    from netsuite_connector.flows.plan import plan as stage

    context = get_current_context()
    params: dict[str, Any] = dict(context["params"])
    with mending():
        run = open_run(store, flow)
        take_turn(run.staging, (store, flow), context)
        schedule, timezone = run.store.flows[flow].schedule, run.store.timezone
        start, end, backfill = asked_window(context, params, schedule, timezone)
        asked = Asked(
            start,
            end,
            params["limit"],
            backfill=backfill,
            dry_run=params["dry_run"],
            full=params["full"],
            resend=params["resend"],
            ignore_gates=params["ignore_gates"],
        )
        made = stage(run, netsuite_client(run), asked)
    if made.switched_off:
        raise AirflowSkipException(
            f"The flow {flow} is switched off in NetSuite's configuration record of store '{store}'."
        )
    return made.to_json()


@task(task_id="plan", pool=NETSUITE_POOL, retry_policy=ByFault())
def plan_replay(store: str, flow: str) -> Counts:
    """Choose rejected records of the flow's list, to be read anew. Unlike a run that is due, a replay that
    can't be is a failure: a person has asked for it.
    """
    from netsuite_connector.flows.rejections import wanted_rows
    from netsuite_connector.flows.replay import plan_replay as stage

    context = get_current_context()
    params: dict[str, Any] = dict(context["params"])
    with mending():
        wanted = wanted_rows(
            source=params["source"],
            ids=params["ids"],
            reason=params["reason"],
            since=params["since"],
            everything=params["all"],
        )
        run = open_run(store, flow)
        made = stage(run, netsuite_client(run), wanted, str(context["run_id"]), dry_run=params["dry_run"])
    if made is None:
        raise AirflowSkipException(
            f"The list of rejected rows of '{store}' {flow} has none of those: there is nothing to replay."
        )
    return made.to_json()


@task(pool=NETSUITE_POOL, retry_policy=ByFault())
def extract(store: str, flow: str, planned: Counts) -> Counts:
    """Read the saved searches into staging."""
    from netsuite_connector.flows.extract import extract as stage

    with _run(store, flow, planned) as run:
        return stage(run, netsuite_client(run))


@task(retry_policy=ByFault())
def validate(store: str, flow: str, planned: Counts) -> Counts:
    """Check every row against the domain's Great Expectations suite."""
    from netsuite_connector.flows.validate import validate as stage

    with _run(store, flow, planned) as run:
        return stage(run)


@task(retry_policy=ByFault())
def shape(store: str, flow: str, planned: Counts) -> Counts:
    """Turn valid rows into what Klaviyo wants, less what has not changed, if the store's gates let them."""
    from netsuite_connector.flows import gates
    from netsuite_connector.flows.plan import Plan
    from netsuite_connector.flows.shape import shape as stage

    with _run(store, flow, planned) as run:
        asked = Plan.of_json(planned).asked
        gates.check(run, like_others=asked.moves_mark, ignored=asked.ignore_gates)
        return stage(run)


@task(retry_policy=ByFault())
def push(store: str, flow: str, planned: Counts) -> Counts:
    """Send the batches, unless it is a dry run."""
    from netsuite_connector.flows.push import push as stage

    with _run(store, flow, planned) as run:
        return stage(run, klaviyo_client(run))


@task(retry_policy=ByFault())
def confirm(store: str, flow: str, planned: Counts) -> Counts | None:
    """Follow Klaviyo's jobs to their end; nothing to do after a dry run."""
    from netsuite_connector.flows.confirm import confirm as stage

    with _run(store, flow, planned) as run:
        client = klaviyo_client(run)
        return stage(run, client) if client is not None else None


@task(retries=0)
def report(  # noqa: PLR0913, PLR0917 - what each stage counted
    store: str,
    flow: str,
    planned: Counts,
    extracted: Counts,
    validated: Counts,
    shaped: Counts,
    pushed: Counts,
    confirmed: Counts | None,
) -> Counts:
    """The run's numbers; fails unless they add up. Then the high-water mark moves."""
    from netsuite_connector.flows.plan import Plan, finish
    from netsuite_connector.flows.report import report as stage

    with _run(store, flow, planned) as run:
        made = Plan.of_json(planned)
        return finish(run, made, stage(run, extracted, validated, shaped, pushed, confirmed))


def netsuite_client(run: Run) -> Any:
    """A client for the store's NetSuite account, which keeps to the store's share of its concurrency."""
    from netsuite_connector.airflow.netsuite_hook import NetSuiteHook

    return NetSuiteHook(run.store.netsuite.connection).client(run.store.netsuite.concurrency)


def klaviyo_client(run: Run) -> Any:
    """A client for the store's Klaviyo account; None for a dry run, which must not need one."""
    if run.dry_run:
        return None
    from netsuite_connector.airflow.klaviyo_hook import KlaviyoHook

    return KlaviyoHook(run.store.klaviyo.connection).client()


def chain_stages(store: str, flow: str, first: Callable[..., Any] = plan) -> Any:
    """The flow's tasks in their order, within the current DAG; ``first`` plans. Returns the report's
    output.
    """
    planned: Any = first(store, flow)
    counts: list[Any] = []
    stages: tuple[Callable[..., Any], ...] = (extract, validate, shape, push, confirm)
    for stage in stages:
        output = stage(store, flow, planned)
        if counts:
            counts[-1] >> output
        counts.append(output)
    return report(store, flow, planned, *counts)
