"""What all DAG files make of stores, each kind of stores parsed once."""

from __future__ import annotations

import pytest

from airflow_process import DEMO, Parsed, parse

_CONSENTS = """
consents:
  list: Newsletter
  consented_at: custentity_opted_in_at
  schedule: "45 4 * * *"
"""
_CASES = """
  cases:
    searches: {cases: customsearch_nsk_cases}
    custom: {metric: Support Case, time: startdate}
"""


def _parsed(paths: pytest.TempPathFactory, **stores: str) -> Parsed:
    folder = paths.mktemp("stores")
    for name, text in stores.items():
        (folder / f"{name}.yaml").write_text(text)
    return parse(folder / "home", NETSUITE_CONNECTOR_STORES=str(folder))


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Parsed:
    """Of the demo store, as it comes with the project."""
    return parse(tmp_path_factory.mktemp("airflow"))


@pytest.fixture(scope="session")
def parsed_with_more(tmp_path_factory: pytest.TempPathFactory) -> Parsed:
    """Of the demo store with a flow of its own, ``cases``, and with consents."""
    return _parsed(tmp_path_factory, demo=DEMO.read_text() + _CASES + _CONSENTS)


@pytest.fixture(scope="session")
def parsed_two_stores(tmp_path_factory: pytest.TempPathFactory) -> Parsed:
    """Of the demo store with consents, and of an outlet that has only a catalog and its stock."""
    demo = DEMO.read_text()
    outlet = demo[: demo.index("  customers:")].replace("store: demo", "store: outlet")
    return _parsed(tmp_path_factory, demo=demo + _CONSENTS, outlet=outlet + _CONSENTS + "  enabled: false\n")
