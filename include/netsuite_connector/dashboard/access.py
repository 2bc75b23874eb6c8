"""Who may see what: only people who are logged in to Airflow, and only flows whose DAGs they may read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagDetails
from airflow.api_fastapi.core_api.security import requires_access_view
from airflow.models.dag import DagModel

from netsuite_connector.airflow import consents, history, realtime
from netsuite_connector.airflow.factory import dag_id_of
from netsuite_connector.errors import MendError
from netsuite_connector.flows import consents as consents_flow
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.run import Run, open_staging
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

# Airflow does not protect the apps of plugins: each has to ask by itself.
logged_in = requires_access_view(AccessView.PLUGINS)


class UnknownError(Exception):
    """There is nothing of that name, or the person may not see it."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow of a store, the DAG that runs it, and whether the store has it switched on."""

    store: Store
    name: str
    dag_id: str
    enabled: bool

    def run(self, staging: Staging) -> Run:
        """A run of the flow, to look up with what earlier ones left."""
        if self.name == consents.NAME:
            return consents_flow.open_run(self.store, staging)
        return Run(self.store, domain_of(self.store, self.name), Window(), staging)


@dataclass(frozen=True, slots=True)
class Seen:
    """A store as somebody sees it: its flows, and the ids of its DAGs of history and real time, each None
    where there is none or they may not see it.
    """

    store: Store
    flows: tuple[Flow, ...]
    history: str | None
    realtime: str | None

    def flow(self, name: str) -> Flow:
        """The flow of that name. Raises UnknownError."""
        for flow in self.flows:
            if flow.name == name:
                return flow
        raise UnknownError(f"Store '{self.store.store}' has no flow '{name}', or you may not see it.")


@dataclass(frozen=True, slots=True)
class View:
    """All that somebody may see."""

    stores: tuple[Seen, ...]
    staging: Staging

    def store(self, name: str) -> Seen:
        """The store of that name. Raises UnknownError."""
        for seen in self.stores:
            if seen.store.store == name:
                return seen
        raise UnknownError(f"There is no store '{name}', or you may not see it.")


def view_of(user: BaseUser) -> View:
    """What the person may see. Raises MendError where a store's file has a mistake."""
    stores = load_stores()
    if not stores:
        raise MendError("There is no store yet: describe yours in a YAML file (docs/stores.md).")
    seen = (_seen(store, stores, _reader(user)) for store in stores)
    return View(tuple(each for each in seen if each.flows or each.history or each.realtime), open_staging())


def _seen(store: Store, stores: Sequence[Store], may_read: Callable[[str], bool]) -> Seen:
    def dag_id(name: str) -> str:
        return dag_id_of(name, store, stores)

    flows = [Flow(store, name, dag_id(name), settings.enabled) for name, settings in store.flows.items()]
    if store.consents is not None:
        flows.append(Flow(store, consents.NAME, dag_id(consents.NAME), store.consents.enabled))
    backfill = dag_id(history.NAME)
    drain = _realtime_dag(store)
    return Seen(
        store,
        tuple(flow for flow in flows if may_read(flow.dag_id)),
        backfill if store.flows_with_history and may_read(backfill) else None,
        drain if drain is not None and may_read(drain) else None,
    )


def _realtime_dag(store: Store) -> str | None:
    if not store.realtime.enabled:
        return None
    several = len(realtime.stores_in_real_time()) > 1
    return f"{realtime.NAME}__{store.netsuite.connection}" if several else realtime.NAME


def _reader(user: BaseUser) -> Callable[[str], bool]:
    manager = get_auth_manager()

    def may_read(dag_id: str) -> bool:
        details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
        return bool(manager.is_authorized_dag(method="GET", details=details, user=user))

    return may_read
