"""The DAG of real time: one for each NetSuite connection, for all stores that read from it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, AssetWatcher, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from netsuite_connector.airflow.factory import OWNER, Tag
from netsuite_connector.airflow.outbox import DRAIN, OutboxTrigger
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store

if TYPE_CHECKING:
    from netsuite_connector.flows.realtime import Drain

NAME = "realtime"

LONGEST = 600.0
"""A drain hands over after so many seconds: a run that never ends could never be told a new setting."""

LINGER = 30.0
"""So many seconds a drain waits for more, since starting a new one takes longer than any other step."""

_LEASE = 90.0
_BEAT = 10.0

log = logging.getLogger(__name__)


@task(task_id="drain", retries=3, retry_delay=timedelta(seconds=5))
def drain(connection: str, asset_name: str) -> dict[str, Any]:
    """Drain the outbox into the flows of all stores of the connection, until it stays empty.

    What fails is not tried again by this run, but when the watcher wakes the next one. A process that was
    killed is started again at once.
    """
    from netsuite_connector.airflow.klaviyo_hook import KlaviyoHook
    from netsuite_connector.airflow.netsuite_hook import NetSuiteHook
    from netsuite_connector.flows.realtime import Drain
    from netsuite_connector.flows.run import open_staging

    # It says a hundred lines whenever it is loaded, which a run does that lasts seconds.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    stores = stores_in_real_time().get(connection, ())
    life = _Life(get_current_context()["asset_state_store"][Asset(asset_name)])
    share = max((store.netsuite.concurrency for store in stores), default=1)
    work: Drain | None = None
    try:
        work = Drain(
            stores,
            NetSuiteHook(connection).client(share),
            lambda klaviyo: KlaviyoHook(klaviyo).client(),
            open_staging(),
        )
        drained = work.run(seconds=LONGEST, linger=LINGER, beat=life.beat)
    except Exception as error:
        life.end(work)
        log.exception("The drain ends; its entries stay in the outbox until they are delivered.")
        raise AirflowFailException(str(error)) from None
    life.end(work)
    return drained.numbers()


def stores_in_real_time() -> dict[str, tuple[Store, ...]]:
    """The stores with real time switched on, by NetSuite connection."""
    found: dict[str, tuple[Store, ...]] = {}
    for store in load_stores():
        if store.realtime.enabled:
            connection = store.netsuite.connection
            found[connection] = (*found.get(connection, ()), store)
    return found


def build_realtime_dags(doc_md: str) -> list[DAG]:
    """A DAG for each NetSuite connection that has a store with real time; with several connections each is
    named after its connection.
    """
    found = stores_in_real_time()
    return [
        _dag(connection, stores, doc_md, NAME if len(found) == 1 else f"{NAME}__{connection}")
        for connection, stores in found.items()
    ]


class _Life:
    """Tells the watcher that the drain is at work."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self._told = 0.0

    def beat(self) -> None:
        """Told every now and then."""
        now = time.time()
        if now >= self._told + _BEAT:
            self._told = now
            self._state.set(DRAIN, {**self._known(), "at": now, "until": now + _LEASE})

    def end(self, drain: Drain | None) -> None:
        """The drain ends, or did not even begin. One that let entries go has not failed, whatever it left
        behind: what waits for a flow that works need not suffer for one that does not.
        """
        left = None if drain is None else drain.left_behind
        idle = drain is None or not drain.total.entries
        failed = idle and (left is None or left.entries > 0)
        failures = self._known().get("failures", 0) + 1 if failed else 0
        state: dict[str, Any] = {"at": time.time(), "until": 0.0, "failures": failures}
        if left is not None:
            state |= {"held": left.entries, "types": list(left.types), "last": left.last}
        self._state.set(DRAIN, state)

    def _known(self) -> dict[str, Any]:
        value = self._state.get(DRAIN)
        return value if isinstance(value, dict) else {}


def _dag(connection: str, stores: Sequence[Store], doc_md: str, dag_id: str) -> DAG:
    names = ", ".join(store.name for store in stores)
    interval = min(store.realtime.interval_seconds for store in stores)
    outbox = Asset(
        f"netsuite-outbox-{connection}",
        watchers=[AssetWatcher(name="outbox", trigger=OutboxTrigger(connection, float(interval)))],
    )
    with DAG(
        dag_id=dag_id,
        dag_display_name=f"{names}: {NAME}",
        description=f"What was just saved in NetSuite, within seconds in Klaviyo: {names}",
        doc_md=doc_md,
        schedule=[outbox],
        start_date=None,
        catchup=False,
        max_active_runs=1,
        tags=[Tag.NETSUITE, Tag.KLAVIYO, NAME, *(f"store:{store.store}" for store in stores)],
        default_args={"owner": OWNER},
    ) as dag:
        output: Any = drain.override(inlets=[outbox])(connection, outbox.name)
        dag.add_result(output)
    return dag
