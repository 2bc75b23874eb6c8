"""The DAG of the flow *consents*, for every store whose file asks for it, and its tasks: one a stage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task

from netsuite_connector.airflow.factory import ALL_BUT_BACKFILLS, OWNER, Tag, dag_id_of
from netsuite_connector.airflow.params import flow_params
from netsuite_connector.airflow.retries import RETRIES, ByFault
from netsuite_connector.airflow.stages import NETSUITE_POOL, klaviyo_client, mending, netsuite_client
from netsuite_connector.errors import MendError
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store

if TYPE_CHECKING:
    from netsuite_connector.flows.run import Run

NAME = "consents"
_PARAMS = ("from", "to", "full", "limit", "dry_run")

Counts = dict[str, Any]


def open_store(name: str) -> Store:
    """The store of that name. Raises MendError when it isn't there any more."""
    stores = {store.store: store for store in load_stores()}
    if name not in stores:
        raise MendError(
            f"There is no store '{name}' any more: its file in include/stores was renamed or removed."
        )
    return stores[name]


def _planned(store: str, plan: Counts) -> Run:
    """The current run as it was planned."""
    from netsuite_connector.flows.plan import Plan

    return Plan.of_json(plan).run(_opened(store))


def _opened(store: str) -> Run:
    from netsuite_connector.flows.consents import open_run
    from netsuite_connector.flows.run import open_staging

    return open_run(open_store(store), open_staging())


@task(task_id="plan", pool=NETSUITE_POOL, retry_policy=ByFault())
def plan(store: str) -> Counts:
    """Decide what the run reads: the window, and the settings of YAML and NetSuite together."""
    from netsuite_connector.flows.consents import plan_run
    from netsuite_connector.flows.plan import Asked

    params: dict[str, Any] = dict(get_current_context()["params"])
    with mending():
        run = _opened(store)
        asked = Asked(
            params["from"], params["to"], params["limit"], dry_run=params["dry_run"], full=params["full"]
        )
        return plan_run(run, netsuite_client(run), asked).to_json()


@task(task_id="extract", pool=NETSUITE_POOL, retry_policy=ByFault())
def extract(store: str, planned: Counts) -> Counts:
    """Read the saved searches of customers and contacts into staging."""
    from netsuite_connector.flows.extract import extract as stage

    with mending():
        run = _planned(store, planned)
        return stage(run, netsuite_client(run))


@task(task_id="validate", retry_policy=ByFault())
def validate(store: str, planned: Counts) -> Counts:
    """Check address, status and moment of every row with Great Expectations."""
    from netsuite_connector.flows.validate import validate as stage

    with mending():
        return stage(_planned(store, planned))


@task(task_id="guard", retry_policy=ByFault())
def guard(store: str, planned: Counts) -> Counts:
    """Read back who opted out in Klaviyo, remember it, and decide about every address."""
    from netsuite_connector.flows.consents import guard as stage

    with mending():
        run = _planned(store, planned)
        return stage(run, klaviyo_client(run))


@task(task_id="import", retry_policy=ByFault())
def import_opt_ins(store: str, planned: Counts) -> Counts:
    """Subscribe confirmed opt-ins of people who never opted out, unless it is a dry run."""
    from netsuite_connector.flows.consents import import_ as stage

    with mending():
        run = _planned(store, planned)
        return stage(run, klaviyo_client(run))


@task(task_id="suppress", retry_policy=ByFault())
def suppress(store: str, planned: Counts) -> Counts:
    """Suppress who opted out in NetSuite, where the store says so."""
    from netsuite_connector.flows.consents import suppress as stage

    with mending():
        run = _planned(store, planned)
        return stage(run, klaviyo_client(run))


@task(task_id="confirm", retry_policy=ByFault())
def confirm(store: str, planned: Counts) -> Counts:
    """Look whether it came out so, and unsubscribe again who opted out meanwhile."""
    from netsuite_connector.flows.consents import confirm as stage

    with mending():
        run = _planned(store, planned)
        return stage(run, klaviyo_client(run))


@task(task_id="report", retries=0)
def report(store: str, planned: Counts, *counts: Counts) -> Counts:
    """The run's numbers; fails unless they add up. Then the high-water mark moves."""
    from netsuite_connector.flows.consents_report import finish
    from netsuite_connector.flows.consents_report import report as stage
    from netsuite_connector.flows.plan import Plan

    with mending():
        made = Plan.of_json(planned)
        run = made.run(_opened(store))
        return finish(run, made, stage(run, *counts))


def build_consent_dags(doc_md: str) -> list[DAG]:
    """The DAG of every store that has ``consents`` and did not switch it off, named as flows are."""
    stores = load_stores()
    return [
        _dag(store, doc_md, dag_id_of(NAME, store, stores))
        for store in stores
        if store.consents is not None and store.consents.enabled
    ]


def _dag(store: Store, doc_md: str, dag_id: str) -> DAG:
    assert store.consents is not None  # noqa: S101 - asked before
    schedule = store.consents.schedule
    known = flow_params()
    with DAG(
        dag_id=dag_id,
        dag_display_name=f"{store.name}: {NAME}",
        description=f"Confirmed opt-ins of {store.name}: NetSuite → Klaviyo",
        doc_md=doc_md,
        schedule=CronTriggerTimetable(schedule, timezone=store.timezone) if schedule else None,
        start_date=None,
        catchup=False,
        # One at a time: what a run enters into the guard and the watch, another one's would replace.
        # Airflow does not hold a backfill's runs to it, and each of them would read all that is new.
        max_active_runs=1,
        allowed_run_types=ALL_BUT_BACKFILLS,
        params={name: known[name] for name in _PARAMS},
        tags=[Tag.NETSUITE, Tag.KLAVIYO, NAME, f"store:{store.store}"],
        default_args={"owner": OWNER, "retries": RETRIES, "retry_delay": timedelta(seconds=30)},
        render_template_as_native_obj=False,
    ) as dag:
        planned: Any = plan(store.store)
        stages: tuple[Callable[..., Any], ...] = (
            extract, validate, guard, import_opt_ins, suppress, confirm,
        )  # fmt: skip
        counts: list[Any] = []
        for stage in stages:
            output = stage(store.store, planned)
            if counts:
                counts[-1] >> output
            counts.append(output)
        last: Any = report(store.store, planned, *counts)
        dag.add_result(last)
    return dag
