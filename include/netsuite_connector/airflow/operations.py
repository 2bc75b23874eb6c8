"""The DAGs that look after what flows leave behind: the replay of rejected rows, and the housekeeping."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from netsuite_connector.airflow.factory import ALL_BUT_BACKFILLS, OWNER, Tag, dag_id_of
from netsuite_connector.airflow.params import housekeeping_params, replay_params
from netsuite_connector.airflow.retries import RETRIES, ByFault
from netsuite_connector.airflow.stages import chain_stages, mending, plan_replay
from netsuite_connector.errors import MendError
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import FlowName, Store

REPLAY = "rejected_replay"
HOUSEKEEPING = "housekeeping"

log = logging.getLogger(__name__)

_DAILY = "40 4 * * *"
_NAMED = 3
"""So many of the paths that stayed are named in the sentence; the log has all of them."""

_CHOSEN_FLOW = "{{ params.flow }}"


def build_replay_dags(doc_md: str) -> list[DAG]:
    """The replay of every store that has a flow to replay."""
    stores = load_stores()
    return [_replay_dag(store, doc_md, dag_id_of(REPLAY, store, stores)) for store in stores if _flows(store)]


def build_housekeeping_dags(doc_md: str) -> list[DAG]:
    """The housekeeping of every store."""
    stores = load_stores()
    return [_housekeeping_dag(store, doc_md, dag_id_of(HOUSEKEEPING, store, stores)) for store in stores]


@task(task_id=HOUSEKEEPING, retry_policy=ByFault())
def housekeeping_task(name: str) -> dict[str, Any]:
    """Remove what the store need not keep any longer; a line of the log each. Gives sums by kind, and fails
    when some of it is still there.
    """
    from netsuite_connector.flows.retention import clean
    from netsuite_connector.flows.run import open_staging

    store = next((store for store in load_stores() if store.store == name), None)
    if store is None:
        raise AirflowFailException(
            f"There is no store '{name}' any more: its file in include/stores was renamed or removed."
        )
    dry_run = bool(dict(get_current_context()["params"])["dry_run"])
    sums: defaultdict[str, dict[str, int]] = defaultdict(lambda: {"pieces": 0, "bytes": 0, "rows": 0})
    stuck: list[str] = []
    with mending():
        for each in clean(open_staging(), store, really=not dry_run):
            path = "/".join(each.path)
            done = "removed" if each.removed else "would go" if dry_run else "not removed"
            log.info("%s: %s (%s, %s bytes)", done, path, each.kind, f"{each.bytes:,}")
            counted = sums[each.kind.value]
            for what, count in (("pieces", 1), ("bytes", each.bytes), ("rows", each.rows)):
                counted[what] += count
            if not (each.removed or dry_run):
                stuck.append(path)
        if stuck:
            # They may be people's data that nobody may keep any longer.
            named = ", ".join(stuck[:_NAMED]) + (", …" if len(stuck) > _NAMED else "")
            raise MendError(
                f"{len(stuck):,} pieces could not be removed from staging: {named}. Look at their "
                "permissions, or remove them by hand; everything else that had to go is gone."
            )
    return {"dry_run": dry_run, **sums}


def _flows(store: Store) -> list[str]:
    """The flows that can be replayed: a catalog that is a feed is written whole or not at all."""
    feed = FlowName.CATALOG if store.catalog.feed is not None else None
    return [flow for flow, settings in store.flows.items() if settings.enabled and flow != feed]


def _replay_dag(store: Store, doc_md: str, dag_id: str) -> DAG:
    with DAG(
        dag_id=dag_id,
        dag_display_name=f"{store.name}: {REPLAY}",
        description=f"Reads rejected records of {store.name} anew from NetSuite and sends those that pass",
        doc_md=doc_md,
        schedule=None,
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        params=replay_params(_flows(store)),
        tags=[Tag.NETSUITE, Tag.KLAVIYO, REPLAY, f"store:{store.store}"],
        default_args={"owner": OWNER, "retries": RETRIES, "retry_delay": timedelta(seconds=30)},
        render_template_as_native_obj=False,
    ) as dag:
        dag.add_result(chain_stages(store.store, _CHOSEN_FLOW, plan_replay))
    return dag


def _housekeeping_dag(store: Store, doc_md: str, dag_id: str) -> DAG:
    with DAG(
        dag_id=dag_id,
        dag_display_name=f"{store.name}: {HOUSEKEEPING}",
        description=f"Removes what {store.name} need not keep in staging any longer",
        doc_md=doc_md,
        schedule=CronTriggerTimetable(_DAILY, timezone=store.timezone),
        start_date=None,
        catchup=False,
        max_active_runs=1,
        allowed_run_types=ALL_BUT_BACKFILLS,
        params=housekeeping_params(),
        tags=[HOUSEKEEPING, f"store:{store.store}"],
        default_args={"owner": OWNER, "retries": 2, "retry_delay": timedelta(seconds=30)},
    ) as dag:
        output: Any = housekeeping_task(store.store)
        dag.add_result(output)
    return dag
