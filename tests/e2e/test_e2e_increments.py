"""Whatever happens in the account between pages and runs: what the increments have staged is what the account
holds.

A clock of the test's own says what time it is in NetSuite; the account is a real one over HTTP, with faults.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import highwater
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.plan import Asked, finish, plan
from netsuite_connector.flows.run import Run
from netsuite_connector.netsuite import AccountInfo, NetSuiteClient, OAuth2ClientCredentials, Page
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

BEGINNING = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # half an hour before Europe's summer time begins
ZONES = ("GMT", "Europe/Madrid", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe")
FORMATS = (("M/D/YYYY", "h:mm a"), ("DD.MM.YYYY", "HH:mm"), ("YYYY-MM-DD", "H-mm"))
FAULTS = ("error_503", "truncated", "reset", "login", "concurrency", "empty_search")


class World:
    """The account as its users change it, by the test's own clock: records of one type."""

    def __init__(self, account: SandboxAccount, record_type: str) -> None:
        self.account = account
        self.type = record_type
        self.now = BEGINNING
        self.ids: list[int] = []
        self._saves = 0
        self.between_pages: list[Callable[[], None]] = []

    def stamp(self, seconds_ago: float = 0) -> str:
        """A moment as NetSuite keeps it: to the minute."""
        return (self.now - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:00Z")

    def insert(self, late: int) -> None:
        """A new record; ``late``: its transaction took so many seconds to commit."""
        stamped = {"lastmodifieddate": self.stamp(late)}
        if self.type == "customer":
            number = len(self.ids)
            stamped |= {"entityid": f"C{number}", "stage": "CUSTOMER", "email": f"c{number}@shop.example"}
        else:
            stamped |= {"tranid": "SO", "type": "SalesOrd", "status": "SalesOrd:B", "trandate": "2026-03-01"}
        made = self.account.create(self.type, **stamped, **self._content(late))
        self.ids.append(made["internalid"])

    def edit(self, which: int, late: int) -> None:
        if self.ids:
            id_ = self.ids[which % len(self.ids)]
            content = self._content(which + late)
            self.account.update(self.type, id_, lastmodifieddate=self.stamp(late), **content)

    def delete(self, which: int) -> None:
        if self.ids:
            id_ = self.ids.pop(which % len(self.ids))
            self.account.delete(self.type, id_, moment=self.stamp())

    def held(self) -> dict[tuple[int, int], Any]:
        """What the account holds: by internal id and line's key, what changes."""
        records = self.account.records(self.type)
        if self.type == "customer":
            return {(record["internalid"], 0): record["lastname"] for record in records}
        return {
            (record["internalid"], line["lineuniquekey"]): line["quantity"]
            for record in records
            for line in record["lines"]
        }

    def _content(self, salt: int) -> dict[str, Any]:
        """What differs from one save to the next: a name, or lines of which some come and some go."""
        self._saves += 1
        if self.type == "customer":
            return {"lastname": f"N{self._saves}"}
        keys = range(self._saves * 10, self._saves * 10 + 1 + salt % 4)
        return {"lines": [{"kind": "item", "lineuniquekey": key, "quantity": self._saves} for key in keys]}


class Session(requests.Session):
    """Lets the world go on before pages are read, as it does."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._one_at_a_time = threading.Lock()

    def post(self, url: str, data: Any = None, json: Any = None, **rest: Any) -> requests.Response:
        with self._one_at_a_time:
            if b'"page"' in (data or b"") and self._world.between_pages:
                self._world.between_pages.pop()()
        return super().post(url, data=data, json=json, **rest)


class Client(NetSuiteClient):
    """The client, in an account whose clock is the test's, and with pages smaller than a store may set."""

    world: World
    page_rows: int

    def pages(self, *args: Any, **asked: Any) -> Iterator[Page]:
        return super().pages(*args, **asked | {"page_rows": self.page_rows})

    def about(self) -> AccountInfo:
        return dataclasses.replace(super().about(), now=self.world.now)


def client_of(world: World, page_rows: int) -> Client:
    session = Session(world)
    credentials = world.account.credentials
    auth = OAuth2ClientCredentials(
        session=session,
        token_url=world.account.token_url,
        client_id=credentials.client_id,
        certificate_id=credentials.certificate_id,
        private_key=credentials.private_key,
    )
    client = Client(session, world.account.restlet_url, auth, sleep=lambda _: None)
    client.world, client.page_rows = world, page_rows
    return client


@dataclasses.dataclass
class Staged:
    """What somebody knows of the account who reads only what the runs staged, in their order."""

    value: str
    rows: dict[tuple[int, int], Any] = dataclasses.field(default_factory=dict)

    def take(self, run: Run) -> None:
        """Replace what came again, drop what was deleted; without a start it is all there is."""
        source = run.domain.sources[0]
        if run.window.start is None:
            self.rows.clear()
        came: dict[tuple[int, int], Any] = {}
        for batch in run.dataset("extract", source).batches():
            ids = batch.column("internalid").to_pylist()
            lines = batch.schema.get_field_index("lineuniquekey")
            keys = batch.column(lines).to_pylist() if lines >= 0 else [0] * len(ids)
            rows = dict(zip(zip(ids, keys, strict=True), batch.column(self.value).to_pylist(), strict=True))
            assert not rows.keys() & came.keys(), "a row came twice in one extract"
            came |= rows
        self._drop({id_ for id_, _ in came})
        self.rows |= came
        if run.window.start is not None:
            for batch in run.dataset("deleted", source).batches():
                self._drop(set(batch.column("internalid").to_pylist()))

    def _drop(self, ids: set[int]) -> None:
        self.rows = {place: value for place, value in self.rows.items() if place[0] not in ids}


@pytest.fixture(scope="module")
def account() -> Iterator[SandboxAccount]:
    with running_sandbox() as running:
        yield running


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 300)),
        st.tuples(st.just("edit"), st.integers(0, 99), st.integers(0, 300)),
        st.tuples(st.just("delete"), st.integers(0, 99)),
        st.tuples(st.just("wait"), st.integers(1, 4000)),
        st.tuples(
            st.just("run"),
            st.lists(st.sampled_from(FAULTS), max_size=2),
            st.lists(
                st.one_of(
                    st.tuples(st.just("insert"), st.integers(0, 300)),
                    st.tuples(st.just("edit"), st.integers(0, 99), st.integers(0, 300)),
                    st.tuples(st.just("delete"), st.integers(0, 99)),
                ),
                max_size=3,
            ),
        ),
    ),
    min_size=3,
    max_size=25,
)


@settings(max_examples=30)
@given(
    zone=st.sampled_from(ZONES),
    formats=st.sampled_from(FORMATS),
    first=st.integers(0, 20),
    steps=STEPS,
    lanes=st.integers(1, 3),
    page_rows=st.integers(1, 6),
)
@pytest.mark.parametrize("flow", ["customers", "orders"])
def test_increments_stage_what_the_account_holds(  # noqa: PLR0917
    account: SandboxAccount,
    tmp_path_factory: pytest.TempPathFactory,
    flow: str,
    zone: str,
    formats: tuple[str, str],
    first: int,
    steps: list[tuple[Any, ...]],
    lanes: int,
    page_rows: int,
) -> None:
    account.clear_faults()
    for record_type in ("customer", "transaction", "deletedrecord"):
        account.clear(record_type)
    account.settings(timezone=zone, date_format=formats[0], time_format=formats[1])
    record_type, value = ("customer", "lastname") if flow == "customers" else ("transaction", "quantity")
    world, staged = World(account, record_type), Staged(value)
    for _ in range(first):
        world.insert(0)
    line = Increments(world, staged, tmp_path_factory.mktemp("staging"), flow, lanes, page_rows)
    for step in steps:
        line.do(step)
    world.now += timedelta(minutes=3)
    line.increment((), ())
    assert staged.rows == world.held()


class Increments:
    """Runs of a flow's first source that are planned and extracted, and what they stage taken up."""

    def __init__(  # noqa: PLR0917
        self, world: World, staged: Staged, folder: Path, flow: str, lanes: int, page_rows: int
    ) -> None:
        self._world = world
        self._staged = staged
        store = load_stores()[0]
        netsuite = store.netsuite.model_copy(update={"concurrency": lanes})
        domain = dataclasses.replace(DOMAINS[flow], sources=DOMAINS[flow].sources[:1])
        store = store.model_copy(update={"netsuite": netsuite})
        self._run = Run(store, domain, Window(), Staging(str(folder)))
        self._client = client_of(world, page_rows)

    def do(self, step: tuple[Any, ...]) -> None:
        name, *details = step
        if name == "wait":
            self._world.now += timedelta(seconds=details[0])
        elif name == "run":
            self.increment(*details)
        else:
            getattr(self._world, name)(*details)

    def increment(self, faults: Any, meanwhile: Any) -> None:
        for fault in faults:
            self._world.account.fault(fault, action="page")
        self._world.between_pages = [lambda change=change: self.do(change) for change in meanwhile]
        before = highwater.read(self._run)
        planned = plan(self._run, self._client, Asked())
        run = planned.run(self._run)
        run = dataclasses.replace(run, domain=self._run.domain)
        extract(run, self._client)
        self._staged.take(run)
        finish(run, planned, {})
        after = highwater.read(self._run)
        assert after is not None
        assert before is None or after.moment >= before.moment
        # What was meant to happen between pages that did not come happens now.
        while self._world.between_pages:
            self._world.between_pages.pop()()
