"""The stores and flows that a command is about."""

from __future__ import annotations

from netsuite_connector.domains import consents
from netsuite_connector.errors import MendError
from netsuite_connector.flows.consents import open_run
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.run import Run, open_staging
from netsuite_connector.stores.load import load_stores, stores_folder
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window


def chosen(name: str | None) -> tuple[Store, ...]:
    """The store of that name, or all of them. Raises MendError where there is none."""
    stores = load_stores()
    if not stores:
        raise MendError(
            f"There is no store in {stores_folder()}: describe yours in a YAML file there (docs/stores.md)."
        )
    found = tuple(store for store in stores if name in (None, store.store))
    if not found:
        known = ", ".join(store.store for store in stores)
        raise MendError(f"There is no store '{name}': known are {known}.")
    return found


def check_flow(store: Store, flow: str) -> None:
    """Raise MendError when the store has no such flow."""
    if flow not in store.flows:
        raise MendError(f"Store '{store.store}' has no flow '{flow}': it has {', '.join(store.flows)}.")


def flows_of(store: Store) -> list[str]:
    """All flows of the store: those of its file, and consents, which is no flow like them."""
    return [*store.flows, *([consents.FLOW] if store.consents is not None else [])]


def run_of(store: Store, flow: str) -> Run:
    """A run of the flow, to look at what is kept of it."""
    if flow == consents.FLOW:
        return open_run(store, open_staging())
    return Run(store, domain_of(store, flow), Window(), open_staging())
