"""The check of a store's connections with what Airflow knows of them, and the DAG that runs it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from netsuite_connector.airflow.factory import OWNER, Tag, dag_id_of
from netsuite_connector.airflow.stages import NETSUITE_POOL
from netsuite_connector.errors import MendError
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store

if TYPE_CHECKING:
    from netsuite_connector.checks.finding import Finding
    from netsuite_connector.klaviyo.client import KlaviyoClient
    from netsuite_connector.netsuite import NetSuiteClient

NAME = "check"

log = logging.getLogger(__name__)
T = TypeVar("T")


def outside_of_tasks() -> None:
    """Let hooks find the connections in Airflow's database where no task runs, as Airflow's own command
    ``airflow connections test`` does. Without it they would look at environment variables and secrets
    backends only.
    """
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"


def netsuite_client(store: Store) -> NetSuiteClient:
    """A client for the store's NetSuite account. Raises MendError when the connection lacks something."""
    from netsuite_connector.airflow.netsuite_hook import NetSuiteHook

    settings = store.netsuite
    return _opened(
        "NetSuite", settings.connection, lambda id_: NetSuiteHook(id_).client(settings.concurrency)
    )


def klaviyo_client(store: Store, *, background: bool = False) -> KlaviyoClient:
    """A client for the store's Klaviyo account, which leaves others the first share of its limits if it works
    in the ``background``. Raises MendError when the connection lacks something.
    """
    from netsuite_connector.airflow.klaviyo_hook import KlaviyoHook

    return _opened(
        "Klaviyo", store.klaviyo.connection, lambda id_: KlaviyoHook(id_).client(background=background)
    )


def check(store: Store) -> Iterator[Finding]:
    """Try the store's connections step by step."""
    from netsuite_connector.checks.store import check_store

    return check_store(store, lambda: netsuite_client(store), lambda: klaviyo_client(store))


@task(task_id=NAME, pool=NETSUITE_POOL)
def check_task(name: str) -> list[dict[str, str]]:
    """Try the store's connections step by step; a line of the log each. Gives the findings."""
    from netsuite_connector.checks.finding import Verdict

    store = next((store for store in load_stores() if store.store == name), None)
    if store is None:
        raise AirflowFailException(
            f"There is no store '{name}' any more: its file in include/stores was renamed or removed."
        )
    levels = {Verdict.WRONG: logging.ERROR, Verdict.WARNING: logging.WARNING}
    found: list[dict[str, str]] = []
    wrong: list[str] = []
    for each in check(store):
        log.log(levels.get(each.verdict, logging.INFO), "%s: %s: %s", each.verdict, each.step, each.sentence)
        found.append({"step": each.step, "verdict": each.verdict.value, "sentence": each.sentence})
        if each.verdict is Verdict.WRONG:
            wrong.append(each.step)
    if wrong:
        # A task that fails has no result, and what is wrong is what people want to look up.
        get_current_context()["ti"].xcom_push("return_value", found)
        raise AirflowFailException(
            f"Something is to be mended in {', '.join(wrong)}: the lines above say what."
        )
    return found


def build_check_dags(doc_md: str) -> list[DAG]:
    """The check of every store; with several stores each is named after its store, as flows are."""
    stores = load_stores()
    return [_dag(store, doc_md, dag_id_of(NAME, store, stores)) for store in stores]


def _dag(store: Store, doc_md: str, dag_id: str) -> DAG:
    with DAG(
        dag_id=dag_id,
        dag_display_name=f"{store.name}: {NAME}",
        description=f"Tries the NetSuite and Klaviyo connections of {store.name}, and says what to mend",
        doc_md=doc_md,
        schedule=None,
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=[Tag.NETSUITE, Tag.KLAVIYO, NAME, f"store:{store.store}"],
        # What is wrong is told at once: another try would say the same.
        default_args={"owner": OWNER, "retries": 0},
    ) as dag:
        output: Any = check_task(store.store)
        dag.add_result(output)
    return dag


def _opened(kind: str, connection: str, client: Callable[[str], T]) -> T:
    try:
        return client(connection)
    except AirflowNotFoundException:
        raise MendError(
            f"Airflow has no connection '{connection}': create it under Admin > Connections with the type "
            f"{kind}, or correct its name in the store's YAML file."
        ) from None
