"""The DAG that has people forgotten, for every store: it asks Klaviyo, and does nothing unless what is typed
under *Confirm* says how many they are.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task
from airflow.sdk.log import mask_secret

from netsuite_connector.airflow.consents import open_store
from netsuite_connector.airflow.factory import OWNER, Tag, dag_id_of
from netsuite_connector.airflow.retries import RETRIES, ByFault
from netsuite_connector.airflow.stages import mending
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store

NAME = "privacy_deletion"


@task(task_id="request", retry_policy=ByFault())
def request(name: str) -> dict[str, Any]:
    """Ask Klaviyo to delete the people, and remember it, so that no import subscribes them ever again."""
    from netsuite_connector.airflow.klaviyo_hook import KlaviyoHook
    from netsuite_connector.flows.guard import Guard
    from netsuite_connector.flows.privacy import check_request, masked, request_deletions
    from netsuite_connector.flows.run import open_staging

    params: dict[str, Any] = dict(get_current_context()["params"])
    with mending():
        addresses = [str(address) for address in params["emails"] or ()]
        for address in addresses:
            if address.strip():
                mask_secret(address.strip())
        emails = check_request(addresses, params["reason"] or "", params["confirm"] or "")
        connection = open_store(name).klaviyo.connection
        guard = Guard(open_staging(), connection, f"{name}.{NAME}")
        counts = request_deletions(guard, KlaviyoHook(connection).client(), emails)
        return {
            "store": name,
            "reason": params["reason"],
            "requested_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "addresses": [masked(email) for email in emails],
            **counts,
        }


def build_privacy_dags(doc_md: str) -> list[DAG]:
    """The DAG of every store, named as flows are."""
    stores = load_stores()
    return [_dag(store, doc_md, dag_id_of(NAME, store, stores)) for store in stores]


def _dag(store: Store, doc_md: str, dag_id: str) -> DAG:
    with DAG(
        dag_id=dag_id,
        dag_display_name=f"{store.name}: {NAME}",
        description=f"Has people forgotten in the Klaviyo account of {store.name}, for good",
        doc_md=doc_md,
        schedule=None,
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        params=_params(),
        tags=[Tag.KLAVIYO, NAME, f"store:{store.store}"],
        default_args={"owner": OWNER, "retries": RETRIES, "retry_delay": timedelta(seconds=30)},
        render_template_as_native_obj=False,
    ) as dag:
        output: Any = request(store.store)
        dag.add_result(output)
    return dag


def _params() -> dict[str, Param]:
    return {
        "emails": Param(
            [],
            type="array",
            items={"type": "string"},
            title="E-mail addresses",
            description="Whom Klaviyo is to forget, an address a line, up to 100. Their profiles, events and "
            "consents go for good.",
        ),
        "reason": Param(
            "",
            type="string",
            title="Reason",
            description="Why, such as the number of the person's request. Write no address here: it is kept.",
        ),
        "confirm": Param(
            "",
            type="string",
            title="Confirm",
            description="Type DELETE, a space and the number of addresses: 'DELETE 2'. Anything else deletes "
            "nobody.",
        ),
    }
