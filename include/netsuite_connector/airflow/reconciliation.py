"""The DAG that proves that NetSuite and Klaviyo agree, one for each store."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from netsuite_connector.airflow.factory import ALL_BUT_BACKFILLS, OWNER, Tag, dag_id_of
from netsuite_connector.airflow.history import HISTORY_POOL
from netsuite_connector.airflow.params import reconciliation_params
from netsuite_connector.airflow.retries import RETRIES, ByFault
from netsuite_connector.airflow.stages import mending
from netsuite_connector.errors import MendError
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store

NAME = "reconciliation"

# Airflow takes the tasks with the highest weight first; those of flows have 1 or more.
_LAST = -1
_LABEL = "{{ task.op_kwargs['asked']['flow'] }}"

log = logging.getLogger(__name__)

Numbers = dict[str, Any]


@task(task_id="plan", retry_policy=ByFault())
def plan_reconciliation(store: str) -> list[Numbers]:
    """Check what is asked for: a flow each, with its days."""
    from dataclasses import asdict

    from netsuite_connector.flows.reconciliation.model import ask

    with mending():
        wishes = dict(get_current_context()["params"])
        return [asdict(each) for each in ask(_store(store), wishes, datetime.now(UTC))]


@task(pool=HISTORY_POOL, priority_weight=_LAST, weight_rule="absolute", retry_policy=ByFault())
def compare(store: str, asked: Numbers) -> Numbers:
    """Compare a flow, and heal it if asked to. The result is the report, cut short; fails when NetSuite and
    Klaviyo don't agree.
    """
    from netsuite_connector.airflow.klaviyo_hook import KlaviyoHook
    from netsuite_connector.airflow.netsuite_hook import NetSuiteHook
    from netsuite_connector.flows.reconciliation.model import Asked, sentence
    from netsuite_connector.flows.reconciliation.reconcile import reconcile, shortened
    from netsuite_connector.flows.run import open_staging

    with mending():
        found = _store(store)
        netsuite = NetSuiteHook(found.netsuite.connection).client(found.netsuite.concurrency)
        klaviyo = KlaviyoHook(found.klaviyo.connection).client(background=True)
        report = reconcile(found, open_staging(), netsuite, klaviyo, Asked(**asked))
    short = shortened(report)
    if not report["agrees"]:
        # A task that fails has no result, and what is wrong is what people want to look up.
        get_current_context()["ti"].xcom_push("return_value", short)
        wrong = sentence(report)
        log.error("%s", wrong)
        raise AirflowFailException(wrong)
    return short


@task(retries=0, trigger_rule="all_done")
def total(compared: Any) -> Numbers:
    """Which flows agree, by name, and how many records were healed. Fails when one does not, or was not
    compared.
    """
    reports = [each for each in compared or () if each is not None]
    done = {
        "flows": {each["flow"]: each["agrees"] for each in reports},
        "healed": sum(each["healed"] for each in reports),
    }
    ended = get_current_context()["ti"].xcom_pull(task_ids="plan") or []
    wrong = [each["flow"] for each in ended if not done["flows"].get(each["flow"])]
    if wrong or not ended:
        get_current_context()["ti"].xcom_push("return_value", done)
        raise AirflowFailException(
            f"Not in agreement, or not compared: {', '.join(wrong) or 'all flows'}. The tasks before say why."
        )
    return done


def build_reconciliation_dags(doc_md: str) -> list[DAG]:
    """The reconciliation of every store that has something to compare."""
    stores = load_stores()
    return [
        _dag(store, doc_md, dag_id_of(NAME, store, stores)) for store in stores if store.flows_to_reconcile
    ]


def _dag(store: Store, doc_md: str, dag_id: str) -> DAG:
    cron = store.reconciliation.schedule
    with DAG(
        dag_id=dag_id,
        dag_display_name=f"{store.name}: {NAME}",
        description=f"Compares what {store.name} has in NetSuite with what Klaviyo holds",
        doc_md=doc_md,
        schedule=None if cron is None else CronTriggerTimetable(cron, timezone=store.timezone),
        start_date=None,
        catchup=False,
        max_active_runs=1,
        # Days that lie back are asked for by its own parameters.
        allowed_run_types=ALL_BUT_BACKFILLS,
        params=reconciliation_params(list(store.flows_to_reconcile), store.reconciliation.days),
        tags=[Tag.NETSUITE, Tag.KLAVIYO, NAME, f"store:{store.store}"],
        default_args={"owner": OWNER, "retries": RETRIES, "retry_delay": timedelta(seconds=30)},
        render_template_as_native_obj=False,
    ) as dag:
        planned: Any = plan_reconciliation(store.store)
        compared = (
            compare.override(map_index_template=_LABEL).partial(store=store.store).expand(asked=planned)
        )
        output: Any = total(compared)
        planned >> output
        dag.add_result(output)
    return dag


def _store(name: str) -> Store:
    for store in load_stores():
        if store.store == name:
            return store
    raise MendError(
        f"There is no store '{name}' any more: its file in include/stores was renamed or removed."
    )
