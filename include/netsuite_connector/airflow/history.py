"""The DAG that brings years of history to Klaviyo, one for each store."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from netsuite_connector.airflow.factory import OWNER, Tag, dag_id_of
from netsuite_connector.airflow.params import history_params
from netsuite_connector.airflow.retries import RETRIES, ByFault
from netsuite_connector.airflow.stages import NETSUITE_POOL, mending, netsuite_client
from netsuite_connector.errors import MendError
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store

if TYPE_CHECKING:
    from netsuite_connector.flows.history import Backfill
    from netsuite_connector.flows.run import Run
    from netsuite_connector.staging.staging import Staging

NAME = "history_backfill"

HISTORY_POOL = "history"
"""The pool whose only slot the windows of all backfills share, so that scheduled runs get theirs first."""

HISTORY_SLOTS = 1

# Airflow takes the tasks with the highest weight first; all others have 1 or more.
_LAST = -1
_LABEL = "{{ task.op_kwargs['piece']['label'] }}"

log = logging.getLogger(__name__)

Numbers = dict[str, Any]


@task(task_id="plan", pool=NETSUITE_POOL, retry_policy=ByFault())
def plan_history(store: str) -> list[dict[str, str]]:
    """Check what is asked for, and decide which windows are delivered: these."""
    from dataclasses import asdict

    from netsuite_connector.airflow.netsuite_hook import NetSuiteHook
    from netsuite_connector.flows import history
    from netsuite_connector.flows.run import open_staging

    context = get_current_context()
    with mending():
        found = _store(store)
        asked = history.ask(found, dict(context["params"]), datetime.now(UTC))
        client = NetSuiteHook(found.netsuite.connection).client(found.netsuite.concurrency)
        made = history.plan(found, open_staging(), client, asked, str(context["run_id"]))
    log.info("%s windows to do; %s were delivered before.", len(made.pieces), made.passed_over)
    return [asdict(piece) for piece in made.pieces]


@task(retry_policy=ByFault())
def read_ahead(store: str) -> list[dict[str, str]]:
    """Those windows that are read into an order book before any is delivered."""
    from dataclasses import asdict

    with mending():
        made, _ = _backfill(store)
    return [asdict(piece) for piece in made.read]


@task(pool=HISTORY_POOL, priority_weight=_LAST, weight_rule="absolute", retry_policy=ByFault())
def read(store: str, piece: dict[str, str]) -> Numbers:
    """Read and check a window, and put it into the order book; nothing is sent yet."""
    from netsuite_connector.flows import history_window

    with mending():
        made, run = _piece(store, piece)
        numbers = history_window.read(run, netsuite_client(run), made)
    return {"rows": numbers["extracted"]["rows"], "rejected": numbers["validated"]["rejected"]}


@task(
    pool=HISTORY_POOL,
    priority_weight=_LAST,
    weight_rule="absolute",
    retry_policy=ByFault(),
    trigger_rule="none_failed",
)
def deliver(store: str, piece: dict[str, str]) -> Numbers:
    """Take a window through all stages; in a dry run, count its rows. The result is its report."""
    from netsuite_connector.airflow.klaviyo_hook import KlaviyoHook
    from netsuite_connector.flows import history_window

    with mending():
        made, run = _piece(store, piece)
        if made.asked.dry_run:
            numbers = history_window.count(run, netsuite_client(run))
            return {**piece, "numbers": numbers}
        klaviyo = KlaviyoHook(run.store.klaviyo.connection).client(background=True)
        report = history_window.deliver(run, netsuite_client(run), klaviyo, made)
    return {**piece, "numbers": report["rows"], "report": report}


@task(retries=0, trigger_rule="all_done")
def total(store: str, delivered: Any) -> Numbers:
    """The sums over all windows. Fails when windows are missing or rows are not accounted for."""
    from netsuite_connector.flows import history

    with mending():
        made, _ = _backfill(store)
    done = history.total(made, [each for each in delivered or () if each is not None])
    if not done["adds_up"]:
        # A task that fails has no result, and how far it came is what people want to look up.
        get_current_context()["ti"].xcom_push("return_value", done)
        windows = done["windows"]
        raise AirflowFailException(
            f"{windows['ended']} of {windows['planned']} windows came to their end: {done['all']}. Look at "
            "those that failed and clear them, or trigger the backfill again: it goes on where it stopped."
        )
    return done


def build_history_dags(doc_md: str) -> list[DAG]:
    """The backfill of every store that has a flow with a history."""
    stores = load_stores()
    return [
        _dag(store, doc_md, dag_id_of(NAME, store, stores)) for store in stores if store.flows_with_history
    ]


def _dag(store: Store, doc_md: str, dag_id: str) -> DAG:
    with DAG(
        dag_id=dag_id,
        dag_display_name=f"{store.name}: {NAME}",
        description=f"Years of history of {store.name}: NetSuite → Klaviyo, without waking a Klaviyo flow",
        doc_md=doc_md,
        schedule=None,
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        params=history_params(list(store.flows_with_history), store.history_years),
        tags=[Tag.NETSUITE, Tag.KLAVIYO, NAME, f"store:{store.store}"],
        default_args={"owner": OWNER, "retries": RETRIES, "retry_delay": timedelta(seconds=30)},
        render_template_as_native_obj=False,
    ) as dag:
        planned: Any = plan_history(store.store)
        ahead: Any = read_ahead(store.store)
        have_read = read.override(map_index_template=_LABEL).partial(store=store.store).expand(piece=ahead)
        delivered = (
            deliver.override(map_index_template=_LABEL).partial(store=store.store).expand(piece=planned)
        )
        planned >> ahead
        have_read >> delivered
        output: Any = total(store.store, delivered)
        dag.add_result(output)
    return dag


def _store(name: str) -> Store:
    for store in load_stores():
        if store.store == name:
            return store
    raise MendError(
        f"There is no store '{name}' any more: its file in include/stores was renamed or removed."
    )


def _backfill(store: str) -> tuple[Backfill, Staging]:
    from netsuite_connector.flows import history
    from netsuite_connector.flows.run import open_staging

    staging = open_staging()
    return history.planned(store, staging, str(get_current_context()["run_id"])), staging


def _piece(store: str, piece: dict[str, str]) -> tuple[Backfill, Run]:
    from netsuite_connector.flows.history import Piece

    made, staging = _backfill(store)
    return made, made.run(staging, Piece(**piece))
