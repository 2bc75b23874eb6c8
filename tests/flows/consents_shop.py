"""A store for tests of the flow *consents*: its records are put into staging as the extract leaves them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import requests

from netsuite_connector.column_type import TEXT_SUFFIX
from netsuite_connector.flows import consents
from netsuite_connector.flows.consents_report import report
from netsuite_connector.flows.run import READ_FROM, Run
from netsuite_connector.flows.validate import validate
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import ConsentSettings
from netsuite_connector.window import Window

SUBSCRIBE = "/api/profile-subscription-bulk-create-jobs"
COLUMN = "custentity_opted_in_at"
LONG_AGO = datetime(2020, 5, 17, 10, 30, tzinfo=UTC)
SOFT_IN, SOFT_OUT, CONFIRMED_IN, CONFIRMED_OUT = range(1, 5)
LIST = "Newsletter"
OPT_OUTS = ("UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED")


class KilledError(BaseException):
    """The process ends here, as far as the flow can tell."""


class Session(requests.Session):
    """Lets the world go on around requests, and ends the process at one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], None] | None = None
        self.after: Callable[[], None] | None = None
        self.left: int | None = None  # requests until the end
        self.answered = False  # whether the last one still takes effect

    def request(self, method: Any, url: Any, *args: Any, **rest: Any) -> requests.Response:
        subscribing = method == "POST" and SUBSCRIBE in url
        if subscribing and self.before:
            self.before()
        if self.left is not None:
            self.left -= 1
            if self.left < 0 and not self.answered:
                raise KilledError
        answer = super().request(method, url, *args, **rest)
        if subscribing and self.after:
            self.after()
        if self.left is not None and self.left < 0:
            raise KilledError
        return answer


@dataclass
class Shop:
    """A store's records in NetSuite and its Klaviyo account, and runs of the flow between them."""

    klaviyo: SandboxAccount
    staging: Staging
    suppress: bool = False
    customers: dict[int, tuple[str | None, int | None, datetime | None]] = field(default_factory=dict)
    contacts: dict[int, tuple[str | None, int | None, datetime | None]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    session: Session = field(default_factory=Session)

    def __post_init__(self) -> None:
        self.list = self.new_list(LIST, opt_in_process="double_opt_in")

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        """What somebody else does with the account, by its API."""
        headers = self.klaviyo.headers() | {"Content-Type": "application/vnd.api+json"}
        answer = requests.post(self.klaviyo.url + path, json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer

    def new_list(self, name: str, **attributes: str) -> str:
        body = {"data": {"type": "list", "attributes": {"name": name, **attributes}}}
        id_: str = self.post("/api/lists", body).json()["data"]["id"]
        return id_

    def job(self, kind: str, address: str, list_: str | None = None, **attributes: Any) -> None:
        """A job over one address, done when this returns."""
        person = {"type": "profile", "attributes": {"email": address, **attributes}}
        data: dict[str, Any] = {"type": kind, "attributes": {"profiles": {"data": [person]}}}
        if list_ is not None:
            data["relationships"] = {"list": {"data": {"type": "list", "id": list_}}}
        self.post(f"/api/{kind}s", {"data": data})
        self.klaviyo.settled()

    def client(self) -> KlaviyoClient:
        return KlaviyoClient(
            self.session,
            base_url=self.klaviyo.url,
            api_key=self.klaviyo.key,
            limiter=Limiter(ProcessWindows(), account="shop", scale=1000),
            backoff=0.01,
        )

    def run(self, *only: int, **asked: Any) -> Run:
        """A run over everything, or over a window in which only these records changed."""
        settings_ = ConsentSettings(list=LIST, consented_at=COLUMN, suppress=self.suppress)
        store = load_stores()[0].model_copy(update={"consents": settings_})
        start = datetime(2026, 1, 1, tzinfo=UTC) if only else None
        window = Window(start, datetime(2026, 2, 1, tzinfo=UTC) + timedelta(minutes=next(self.numbers)))
        run = Run(store, consents.open_run(store, self.staging).domain, window, self.staging, **asked)
        for source, records in zip(run.domain.sources, (self.customers, self.contacts), strict=True):
            ids = sorted(id_ for id_ in records if not only or id_ in only)
            rows = [records[id_] for id_ in ids]
            batch = pa.record_batch(
                {
                    "internalid": pa.array(ids, pa.int64()),
                    "email": pa.array([row[0] for row in rows], pa.string()),
                    "globalsubscriptionstatus": pa.array(
                        [row[1] and str(row[1]) for row in rows], pa.string()
                    ),
                    f"globalsubscriptionstatus{TEXT_SUFFIX}": pa.nulls(len(ids), pa.string()),
                    COLUMN: pa.array([row[2] for row in rows], pa.timestamp("us", tz="UTC")),
                }
            )
            with run.dataset("extract", source).writer(batch.schema) as writer:
                writer.write(batch)
                writer.commit(**{READ_FROM: time.time_ns()})
        return run

    def stages(
        self, run: Run, *, patience: float = 10.0, grace: float = 0.3, quick: bool = False
    ) -> dict[str, Any]:
        """All stages after extract; where it must be ``quick``, rows that are all good go without being
        checked. Returns the report.
        """
        client = None if run.dry_run else self.client()
        rows = sum(run.dataset("extract", source).require().rows for source in run.domain.sources)
        extracted = {"rows": rows, "deleted": 0, "warnings": {}, "seconds": 0.0}
        validated = self.all_valid(run) if quick else validate(run)
        guarded = consents.guard(run, client)
        imported = consents.import_(run, client)
        suppressed = consents.suppress(run, client)
        confirmed = consents.confirm(run, client, patience=patience, grace=grace, pauses=(0.02, 0.1))
        return report(run, extracted, validated, guarded, imported, suppressed, confirmed)

    def all_valid(self, run: Run) -> dict[str, Any]:
        assert run.domain.enrich is not None
        for source in run.domain.sources:
            enrich = run.domain.enrich(source, run.site)
            batches = [enrich(batch) for batch in run.dataset("extract", source).batches()]
            schema = run.dataset("extract", source).require().schema
            empty = enrich(pa.RecordBatch.from_pylist([], schema=schema))
            with run.dataset("valid", source).writer(empty.schema) as writer:
                for batch in batches:
                    writer.write(batch)
                writer.commit()
        return {"rejected": 0, "reasons": {}, "seconds": 0.0}

    def sync(self, *only: int, **asked: Any) -> dict[str, Any]:
        return self.stages(self.run(*only, **asked))

    def people(self, count: int, status: int = CONFIRMED_IN) -> None:
        """So many customers, whom Klaviyo has as profiles."""
        self.customers |= {number: (email(number), status, LONG_AGO) for number in range(1, count + 1)}
        self.profiles(*range(1, count + 1))

    def profiles(self, *numbers: int) -> None:
        for number in numbers:
            body = {"data": {"type": "profile", "attributes": {"email": email(number)}}}
            self.post("/api/profile-import", body)

    def subscribed(self) -> set[str]:
        """Who is subscribed once all is done."""
        self.klaviyo.settled()
        return {
            row["email"]
            for row in self.klaviyo.rows("profiles")
            if row["subscriptions"]["email"]["marketing"]["consent"] == "SUBSCRIBED"
        }

    def lifted(self) -> list[dict[str, Any]]:
        self.klaviyo.settled()
        return [line for line in self.klaviyo.rows("consents") if line["lifted"]]

    def against_their_will(self, ever: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Who of those who ever opted out, and how, is subscribed without that standing in the way."""
        self.klaviyo.settled()
        wrong = set()
        for row in self.klaviyo.rows("profiles"):
            marketing = row["subscriptions"]["email"]["marketing"]
            standing = {(row["email"], one["reason"]) for one in marketing["suppression"]}
            if marketing["consent"] == "SUBSCRIBED":
                wrong |= {one for one in ever if one[0] == row["email"]} - standing
        return wrong


def email(number: int) -> str:
    return f"p{number}@shop.klaviyo-demo.com"


def subscribe_as_a_form_does(shop: Shop, address: str, after: float = 3600) -> None:
    shop.klaviyo.skip_time(after)
    channels = {"email": {"marketing": {"consent": "SUBSCRIBED"}}}
    shop.job("profile-subscription-bulk-create-job", address, subscriptions=channels)


def join(shop: Shop, list_: str, address: str) -> None:
    """Somebody comes to a list, which subscribes them to nothing."""
    [profile] = [row["id"] for row in shop.klaviyo.rows("profiles") if row["email"] == address]
    shop.post(f"/api/lists/{list_}/relationships/profiles", {"data": [{"type": "profile", "id": profile}]})


def leave(shop: Shop, list_: str, address: str) -> None:
    """Somebody unsubscribes from a list that they are on."""
    channels = {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}
    shop.job("profile-subscription-bulk-delete-job", address, list_, subscriptions=channels)
