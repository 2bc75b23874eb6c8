"""Makes the DAG of a flow for every store that has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable
from airflow.utils.types import DagRunType

from netsuite_connector.airflow.params import flow_params
from netsuite_connector.airflow.retries import RETRIES
from netsuite_connector.airflow.stages import chain_stages
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import FlowName, Store

OWNER = "netsuite-connector"

# The SDK has an enum of its own with the same values, which it keeps to itself.
ALL_BUT_BACKFILLS: Any = frozenset(DagRunType) - {DagRunType.BACKFILL_JOB}
"""The runs of a DAG that can't be backfilled: Airflow then refuses ``airflow backfill create`` in one
sentence, and the web UI has no form for it."""


class Tag(StrEnum):
    """What a DAG is about, for the filter above Airflow's list of DAGs."""

    NETSUITE = "netsuite"
    KLAVIYO = "klaviyo"


def dag_id_of(name: str, store: Store, stores: Sequence[Store]) -> str:
    """The id of a store's DAG: with a single store it is the DAG's name, with several name and store."""
    return name if len(stores) == 1 else f"{name}__{store.store}"


def build_flow_dags(flow: str, doc_md: str) -> list[DAG]:
    """The flow's DAG for every store that has it switched on; ``doc_md`` is shown with each."""
    stores = load_stores()
    return [
        _flow_dag(store, flow, doc_md, dag_id_of(flow, store, stores))
        for store in stores
        if flow in store.flows and store.flows[flow].enabled
    ]


def build_custom_dags(doc_md: str) -> list[DAG]:
    """The DAGs of all flows that stores describe themselves."""
    flows = {flow for store in load_stores() for flow, settings in store.flows.items() if settings.custom}
    return [dag for flow in sorted(flows) for dag in build_flow_dags(flow, doc_md)]


def _flow_dag(store: Store, flow: str, doc_md: str, dag_id: str) -> DAG:
    schedule = store.flows[flow].schedule
    # A feed is always the whole catalog as it is now: what changed last month is no run of it.
    feed = flow == FlowName.CATALOG and store.catalog.feed is not None
    with DAG(
        dag_id=dag_id,
        dag_display_name=f"{store.name}: {flow}",
        description=f"{flow.replace('_', ' ').capitalize()} of {store.name}: NetSuite → Klaviyo",
        doc_md=doc_md,
        schedule=CronTriggerTimetable(schedule, timezone=store.timezone) if schedule else None,
        # Without a start date a DAG that is switched on waits for its next time, unless one has just been.
        start_date=None,
        catchup=False,
        # Airflow does not hold a backfill's runs to it; those wait for their turn (schedule_turns.py).
        max_active_runs=1,
        allowed_run_types=ALL_BUT_BACKFILLS if feed else None,
        params=flow_params(),
        tags=[Tag.NETSUITE, Tag.KLAVIYO, flow, f"store:{store.store}"],
        default_args={"owner": OWNER, "retries": RETRIES, "retry_delay": timedelta(seconds=30)},
        render_template_as_native_obj=False,
    ) as dag:
        dag.add_result(chain_stages(store.store, flow))
    return dag
