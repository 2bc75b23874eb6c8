"""Three stores of one NetSuite account at once, two of them with one Klaviyo account: each delivers what is
its own, as its own file says, and none gets in another's way.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_process import in_airflow
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.ledger import read as read_ledger
from netsuite_connector.flows.push import push
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run, check_searches
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.validate import validate
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.connection import connect
from netsuite_connector.klaviyo.limiter import open_windows
from netsuite_connector.netsuite import NetSuiteClient, OAuth2ClientCredentials
from netsuite_connector.netsuite.slots import open_slots
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

STORES = {
    "main": """
store: main
name: Main Shop
klaviyo: {connection: klaviyo_shops}
site: {url: https://main.example}
country: US
currency: USD
timezone: America/New_York
flows:
  customers:
    schedule: "5 * * * *"
    only: {customers: {sourcesite: ["1"]}, contacts: {subsidiary: ["1"]}}
  orders:
    schedule: "10 * * * *"
    only: {orders: {website: ["1"]}, fulfilments: {website: ["1"]}, refunds: {website: ["1"]}}
""",
    "outlet": """
store: outlet
name: Outlet
klaviyo: {connection: klaviyo_shops}
site: {url: https://outlet.example}
country: ES
currency: EUR
timezone: Europe/Madrid
orders: {metric: Order Completed}
flows:
  customers:
    schedule: "20 */2 * * *"
    only: {customers: {sourcesite: ["2"]}, contacts: {subsidiary: ["2"]}}
    mapping:
      customers:
        properties: {NetSuite Stage: Outlet Stage}
        constants: {Shop: Outlet}
  orders:
    schedule: "25 */2 * * *"
    only: {orders: {website: ["2"]}, fulfilments: {website: ["2"]}, refunds: {website: ["2"]}}
    mapping:
      orders:
        columns: {custbody_gift: {property: Gift}}
        properties: {NetSuite Type: Outlet Type}
      storefronts:
        properties:
          NetSuite Original Website ID: Outlet Original Website ID
          NetSuite Original Website: Outlet Original Website
          NetSuite Website IDs: Outlet Website IDs
          NetSuite First Order Date: Outlet First Order Date
          NetSuite Last Order Date: Outlet Last Order Date
""",
    "trade": """
store: trade
name: Trade
klaviyo: {connection: klaviyo_trade}
site: {url: https://trade.example}
country: GB
currency: GBP
timezone: Europe/London
flows:
  customers:
    schedule: "40 6 * * *"
    only: {customers: {subsidiary: ["3"]}, contacts: {subsidiary: ["3"]}}
  orders:
    only: {orders: {subsidiary: ["3"]}, fulfilments: {subsidiary: ["3"]}, refunds: {subsidiary: ["3"]}}
""",
}
# Ann buys in both web shops; Tom is the trade's alone.
CUSTOMERS = """internalid,entityid,email,lastname,isperson,stage,sourcesite,sourcesite_text,subsidiary,\
subsidiary_text,phone
1,C1,ann@shop.example,Doe,T,CUSTOMER,1,Main,1,America,
2,C2,bob@shop.example,Roe,T,CUSTOMER,2,Outlet,2,Europe,612 34 56 78
3,C3,tom@trade.example,Poe,T,CUSTOMER,,,3,Trade,020 7183 8750
"""
ITEMS = """internalid,itemid,displayname,salesdescription,type,baseprice,urlcomponent
10,TENT,Tent,Fine,InvtPart,20,tent
"""
ORDERS = """internalid,type,status,tranid,datecreated,lastmodifieddate,entity,website,website_text,\
subsidiary,subsidiary_text,exchangerate,currency,currency_text,createdfrom,custbody_gift,item,quantity,rate,amount
100,SalesOrd,B,SO100,2026-03-01T09:30:00Z,2026-03-01T09:30:00Z,1,1,Main,1,America,1,1,USD,,yes,10,1,20,20
101,SalesOrd,B,SO101,2026-02-01T10:00:00Z,2026-02-01T10:00:00Z,1,2,Outlet,2,Europe,1,1,USD,,yes,10,2,20,40
102,SalesOrd,C,SO102,2026-04-01T10:00:00Z,2026-04-01T10:00:00Z,2,2,Outlet,2,Europe,1,1,USD,,no,10,3,20,60
103,CashSale,C,CS103,2026-01-15T10:00:00Z,2026-01-15T10:00:00Z,3,,,3,Trade,1,1,USD,,no,10,4,20,80
104,CustInvc,A,INV104,2026-05-15T10:00:00Z,2026-05-15T10:00:00Z,3,,,3,Trade,1,1,USD,,no,10,5,20,100
"""


@dataclass(frozen=True)
class Shops:
    """The stores of the YAML files, between their accounts, with one staging area and one count of calls."""

    netsuite: NetSuite
    klaviyo: dict[str, Klaviyo]
    stores: dict[str, Store]
    folder: Path

    @property
    def staging(self) -> Staging:
        return Staging(str(self.folder / "staging"))

    def run(self, store: Store, flow: str) -> dict[str, Any]:
        """All stages of a flow, as a scheduled run over everything."""
        check_searches(store, domain_of(store, flow))
        run = Run(store, domain_of(store, flow), Window.parse(None, "2030-01-01T00:00:00Z"), self.staging)
        extracted = extract(run, self._netsuite_client(store))
        validated = validate(run)
        shaped = shape(run)
        client = self._klaviyo_client(store)
        return report(run, extracted, validated, shaped, push(run, client), confirm(run, client))

    def all_at_once(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Every flow of every store, all at the same time."""
        asked = [(store, flow) for store in self.stores.values() for flow in store.flows]
        with ThreadPoolExecutor(len(asked)) as pool:
            done = pool.map(lambda each: self.run(*each), asked)
            return {(store.store, flow): each for (store, flow), each in zip(asked, done, strict=True)}

    def events(self, connection: str) -> dict[tuple[str, str], dict[str, Any]]:
        self.klaviyo[connection].settled()
        rows = self.klaviyo[connection].rows("events")
        found = {(row["metric"], row["unique_id"]): row for row in rows}
        assert len(found) == len(rows)
        return found

    def profiles(self, connection: str) -> dict[str, dict[str, Any]]:
        self.klaviyo[connection].settled()
        return {row["email"]: row for row in self.klaviyo[connection].rows("profiles")}

    def _netsuite_client(self, store: Store) -> NetSuiteClient:
        session = requests.Session()
        credentials = self.netsuite.credentials
        auth = OAuth2ClientCredentials(
            session=session,
            token_url=self.netsuite.token_url,
            client_id=credentials.client_id,
            certificate_id=credentials.certificate_id,
            private_key=credentials.private_key,
        )
        # All stores read from one account, whose limit of calls at once they share.
        slots = open_slots(self.folder / "slots", credentials.account, store.netsuite.concurrency)
        return NetSuiteClient(session, self.netsuite.restlet_url, auth, slots=slots)

    def _klaviyo_client(self, store: Store) -> KlaviyoClient:
        account = self.klaviyo[store.klaviyo.connection]
        windows = open_windows(str(self.folder / "limits.sqlite"))
        return connect(requests.Session(), windows, base_url=account.url, api_key=account.key, scale=10)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    folder = tmp_path_factory.mktemp("shops")
    for place in ("account", "stores"):
        (folder / place).mkdir()
    for name, text in (("customer", CUSTOMERS), ("item", ITEMS), ("transaction", ORDERS)):
        (folder / "account" / f"{name}.csv").write_text(text)
    for name, text in STORES.items():
        (folder / "stores" / f"{name}.yaml").write_text(text)
    limits = ("--limits-scale", "10")
    with (
        running_netsuite("--csv", str(folder / "account")) as netsuite,
        running_klaviyo(*limits) as both,
        running_klaviyo(*limits) as trade,
    ):
        klaviyo = {"klaviyo_shops": both, "klaviyo_trade": trade}
        stores = {store.store: store for store in load_stores(folder / "stores")}
        yield Shops(netsuite, klaviyo, stores, folder)


@pytest.fixture(scope="module")
def reports(shops: Shops) -> dict[tuple[str, str], dict[str, Any]]:
    return shops.all_at_once()


def test_every_store_delivers_its_own_and_nothing_else(
    shops: Shops, reports: dict[tuple[str, str], dict[str, Any]]
) -> None:
    assert all(each["adds_up"] for each in reports.values())
    assert {name: each["rows"]["extracted"] for name, each in reports.items() if name[1] == "orders"} == {
        ("main", "orders"): 1,
        ("outlet", "orders"): 2,
        ("trade", "orders"): 2,
    }
    web = shops.events("klaviyo_shops")
    assert {key: row["value"] for key, row in web.items() if key[0] != "Ordered Product"} == {
        ("Placed Order", "netsuite-100"): 20.0,
        ("Order Completed", "netsuite-101"): 40.0,
        ("Order Completed", "netsuite-102"): 60.0,
        ("Cancelled Order", "netsuite-102"): 60.0,
    }
    trade = shops.events("klaviyo_trade")
    assert {key: row["value"] for key, row in trade.items() if key[0] != "Ordered Product"} == {
        ("Placed Order", "netsuite-103"): 80.0,
        ("Placed Order", "netsuite-104"): 100.0,
    }
    assert shops.profiles("klaviyo_shops").keys() == {"ann@shop.example", "bob@shop.example"}
    assert shops.profiles("klaviyo_trade").keys() == {"tom@trade.example"}
    for account in shops.klaviyo.values():
        traffic = account.state()["requests"]
        assert sum(each["throttled"] for each in traffic.values()) == 0


@pytest.mark.usefixtures("reports")
def test_every_event_tells_its_storefront_and_is_in_its_stores_currency_and_words(shops: Shops) -> None:
    for (metric, _), row in shops.events("klaviyo_shops").items():
        told = row["properties"]
        main = told["NetSuite Website ID"] == 1
        assert told["NetSuite Website"] == ("Main" if main else "Outlet")
        assert row["value_currency"] == ("USD" if main else "EUR")
        assert ("NetSuite Type" in told) == (main and metric != "Ordered Product")
        # What is said of orders holds for what becomes of them.
        assert ("Outlet Type" in told) == (not main and metric != "Ordered Product")
        if metric != "Ordered Product":
            assert {"custbody_gift", "Gift"} & told.keys() == {"custbody_gift" if main else "Gift"}
    for row in shops.events("klaviyo_trade").values():
        told = row["properties"]
        assert (told["NetSuite Subsidiary ID"], told["NetSuite Subsidiary"]) == (3, "Trade")
        assert "NetSuite Website ID" not in told
        assert row["value_currency"] == "GBP"


@pytest.mark.usefixtures("reports")
def test_every_profile_tells_its_original_storefront_and_is_mapped_as_its_store_says(shops: Shops) -> None:
    web = shops.profiles("klaviyo_shops")
    ann = {name: value for name, value in web["ann@shop.example"]["properties"].items() if "Website" in name}
    # Two stores of one account tell each of their own orders, under names of their own.
    assert ann == {
        "NetSuite Source Website": "Main",
        "NetSuite Original Website ID": 1,
        "NetSuite Original Website": "Main",
        "NetSuite Website IDs": [1],
        "Outlet Original Website ID": 2,
        "Outlet Original Website": "Outlet",
        "Outlet Website IDs": [2],
    }
    assert web["ann@shop.example"]["properties"]["NetSuite Stage"] == "CUSTOMER"
    bob = web["bob@shop.example"]
    assert (bob["properties"]["Outlet Stage"], bob["properties"]["Shop"]) == ("CUSTOMER", "Outlet")
    assert "NetSuite Stage" not in bob["properties"]
    # A number without a country code is read as the store's country writes it.
    assert bob["phone_number"] == "+34612345678"
    tom = shops.profiles("klaviyo_trade")["tom@trade.example"]
    assert tom["phone_number"] == "+442071838750"
    assert tom["properties"]["NetSuite First Order Date"] == "2026-01-15T10:00:00Z"


@pytest.mark.usefixtures("reports")
def test_no_row_of_a_store_is_in_anothers_staging(shops: Shops) -> None:
    own = {"main": {100}, "outlet": {101, 102}, "trade": {103, 104}}
    people = {"main": {1}, "outlet": {2}, "trade": {3}}
    assert set(shops.staging.list(())) == set(own)
    for store in shops.stores.values():
        for flow, ids in (("orders", own), ("customers", people)):
            run = Run(
                store, domain_of(store, flow), Window.parse(None, "2030-01-01T00:00:00Z"), shops.staging
            )
            batches = run.dataset("extract", run.domain.sources[0]).batches(columns=["internalid"])
            read = {id_ for batch in batches for id_ in batch.column(0).to_pylist()}
            assert read == ids[store.store]
            ledger = {
                id_
                for batch in read_ledger(run.ledger(run.domain.sources[0]), ["id"])
                for id_ in batch.column(0).to_pylist()
            }
            assert ledger == ids[store.store]


@pytest.mark.usefixtures("reports")
def test_a_second_round_at_once_sends_nothing_twice(shops: Shops) -> None:
    again = shops.all_at_once()
    assert sum(each["records"]["delivered"] for each in again.values()) == 0


_DAGS = """
import json
from netsuite_connector.airflow.factory import build_flow_dags
dags = [dag for flow in ("customers", "orders") for dag in build_flow_dags(flow, "doc")]
print("answer: " + json.dumps({
    dag.dag_id: [dag.dag_display_name, getattr(dag.timetable, "expression", None),
                 str(getattr(dag.timetable, "timezone", None))]
    for dag in dags
}))
"""


def dags_of(stores: Path, home: Path) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]]
    found, _ = in_airflow(_DAGS, home, NETSUITE_CONNECTOR_STORES=str(stores))
    return found


def test_each_store_has_its_dags_on_its_schedule_and_one_alone_has_them_under_their_own_names(
    shops: Shops, tmp_path: Path
) -> None:
    assert dags_of(shops.folder / "stores", tmp_path / "home") == {
        "customers__main": ["Main Shop: customers", "5 * * * *", "America/New_York"],
        "orders__main": ["Main Shop: orders", "10 * * * *", "America/New_York"],
        "customers__outlet": ["Outlet: customers", "20 */2 * * *", "Europe/Madrid"],
        "orders__outlet": ["Outlet: orders", "25 */2 * * *", "Europe/Madrid"],
        "customers__trade": ["Trade: customers", "40 6 * * *", "Europe/London"],
        "orders__trade": ["Trade: orders", None, "None"],
    }
    alone = tmp_path / "stores"
    alone.mkdir()
    (alone / "outlet.yaml").write_text(STORES["outlet"])
    assert dags_of(alone, tmp_path / "home") == {
        "customers": ["Outlet: customers", "20 */2 * * *", "Europe/Madrid"],
        "orders": ["Outlet: orders", "25 */2 * * *", "Europe/Madrid"],
    }
