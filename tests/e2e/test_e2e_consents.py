"""The flow *consents* between both sandbox accounts, and that no other flow touches anybody's consent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from netsuite_connector.domains.consents import RESTRICTIVE
from netsuite_connector.domains.emails import EMAIL_PATTERN
from netsuite_connector.errors import MendError
from netsuite_connector.flows import consents, rejections
from netsuite_connector.flows.consents_report import finish, report
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.plan import Asked, Plan
from netsuite_connector.flows.validate import validate
from netsuite_connector.klaviyo.errors import KlaviyoFaultError
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.stores.model import ConsentSettings, Store

pytestmark = pytest.mark.line

RANK = {str(int(status)): rank for rank, status in enumerate(RESTRICTIVE)}


@pytest.fixture(scope="module")
def netsuite() -> Iterator[NetSuite]:
    with running_netsuite(customers=80, orders=60, items=20) as running:
        yield running


@pytest.fixture
def klaviyo() -> Iterator[Klaviyo]:
    with running_klaviyo() as running:
        yield running


@pytest.fixture
def line(netsuite: NetSuite, klaviyo: Klaviyo, new_line: Callable[..., Any]) -> Any:
    made = new_line(netsuite, klaviyo)
    body = {"data": {"type": "list", "attributes": {"name": "Newsletter"}}}
    headers = klaviyo.headers() | {"Content-Type": "application/vnd.api+json"}
    requests.post(f"{klaviyo.url}/api/lists", json=body, headers=headers, timeout=10).raise_for_status()
    asked = ConsentSettings(list="Newsletter", consented_at="datecreated", suppress=True)
    made.store = made.store.model_copy(update={"consents": asked})
    return made


def sync(line: Any, **asked: Any) -> dict[str, Any]:
    """All stages as the DAG's tasks run them: the plan travels as JSON. Returns the report."""
    run = consents.open_run(line.store, line.staging)
    document = consents.plan_run(run, line.netsuite_client(), Asked(**asked)).to_json()
    made = Plan.of_json(document)
    run = made.run(consents.open_run(line.store, line.staging))
    client = None if run.dry_run else line.klaviyo_client()
    counts = [extract(run, line.netsuite_client()), validate(run)]
    counts += [stage(run, client) for stage in (consents.guard, consents.import_, consents.suppress)]
    counts.append(consents.confirm(run, client, patience=20, grace=0.5, pauses=(0.02, 0.2)))
    return finish(run, made, report(run, *counts))


def strictest(netsuite: NetSuite) -> dict[str, str]:
    """The status of every address, by the records themselves."""
    found: dict[str, str] = {}
    for kind in ("customer", "contact"):
        for record in netsuite.records(kind):
            email, status = (
                (record.get("email") or "").strip().lower(),
                str(record["globalsubscriptionstatus"]),
            )
            if re.fullmatch(EMAIL_PATTERN, email) and (
                email not in found or RANK[status] > RANK[found[email]]
            ):
                found[email] = status
    return found


def standing(klaviyo: Klaviyo) -> tuple[set[str], set[str]]:
    """Who is subscribed, and who is suppressed."""
    klaviyo.settled()
    rows = {row["email"]: row["subscriptions"]["email"]["marketing"] for row in klaviyo.rows("profiles")}
    subscribed = {email for email, marketing in rows.items() if marketing["consent"] == "SUBSCRIBED"}
    return subscribed, {email for email, marketing in rows.items() if marketing["suppression"]}


def test_confirmed_opt_ins_of_the_account_are_imported_and_then_only_what_changed(
    line: Any, netsuite: NetSuite, klaviyo: Klaviyo
) -> None:
    with pytest.raises(MendError, match="must read everything"):
        sync(line, limit=5)
    statuses = strictest(netsuite)
    expected = {status: {email for email, one in statuses.items() if one == status} for status in "1234"}
    assert all(expected.values())
    done = sync(line)
    subscribed, suppressed = standing(klaviyo)
    assert subscribed == expected["3"]
    assert suppressed == expected["2"] | expected["4"]
    assert done["adds_up"]
    listed = list(rejections.rejected(consents.open_run(line.store, line.staging)))
    # What is decided about people is no row to mend.
    assert {row.stage for row in listed} == {"validate"}
    assert len(listed) == done["rejected_list"]["came"] < done["rows"]["rejected"]
    assert done["people"] == {
        "imported": len(expected["3"]),
        "suppressed": len(suppressed),
        "not confirmed": len(expected["1"]),
    }
    assert done["rows"]["extracted"] == sum(
        1 for kind in ("customer", "contact") for _ in netsuite.records(kind)
    )
    # One more confirms, and one of those who are subscribed opts out for certain.
    records = {(record.get("email") or "").strip().lower(): record for record in netsuite.records("customer")}
    soft = next(email for email in expected["1"] if email in records)
    gone = next(email for email in expected["3"] if email in records)
    for email, status in ((soft, "3"), (gone, "4")):
        changes = {"globalsubscriptionstatus": status, "lastmodifieddate": "2026-01-01T00:00:00Z"}
        netsuite.update("customer", records[email]["internalid"], **changes)
    after = sync(line, full=True)
    assert after["people"]["suppressed"] == 1
    assert after["high_water_mark"] >= done["high_water_mark"]
    subscribed, suppressed = standing(klaviyo)
    assert soft in subscribed or strictest(netsuite)[soft] != "3"
    assert gone in suppressed
    assert [entry for entry in klaviyo.rows("consents") if entry["lifted"]] == []


@pytest.mark.parametrize("known", [False, True])
def test_a_run_over_everything_sees_opt_outs_that_were_saved_a_moment_ago(
    line: Any, netsuite: NetSuite, klaviyo: Klaviyo, *, known: bool
) -> None:
    line.store = with_consents(line.store, suppress=False)
    number = 5 + known
    customer, contact = (list(netsuite.records(kind))[number] for kind in ("customer", "contact"))
    address, saved = f"twice{number}@shop.klaviyo-demo.com", {"lastmodifieddate": "2025-01-01T00:00:00Z"}
    for kind, record, status in (("customer", customer, "2"), ("contact", contact, "3")):
        values = {"email": address, "globalsubscriptionstatus": status, **saved}
        netsuite.update(kind, record["internalid"], **values)
    if known:
        sync(line)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    netsuite.update("customer", customer["internalid"], phone="+1 212 555 0100", lastmodifieddate=now)
    sync(line, full=True)
    assert address not in standing(klaviyo)[0]


def test_another_setting_holds_until_a_run_over_everything_ended_well(
    line: Any, netsuite: NetSuite, klaviyo: Klaviyo
) -> None:
    line.store = with_consents(line.store, suppress=False)
    sync(line)
    line.store = with_consents(line.store, suppress=True)
    suppressing = "POST /api/profile-suppression-bulk-create-jobs"
    klaviyo.fault("error_503", times=60, endpoint=suppressing)
    with pytest.raises(KlaviyoFaultError):
        sync(line)
    klaviyo.clear_faults()
    sync(line, limit=3)
    sync(line)
    opted_out = {email for email, status in strictest(netsuite).items() if status in {"2", "4"}}
    assert standing(klaviyo)[1] == opted_out
    assert sync(line)["window"]["from"]


def with_consents(store: Store, **changes: Any) -> Store:
    """The store with other settings under ``consents``."""
    assert store.consents is not None
    return store.model_copy(update={"consents": store.consents.model_copy(update=changes)})


def test_no_other_flow_touches_anybodys_consent(line: Any, klaviyo: Klaviyo) -> None:
    for flow in ("customers", "catalog", "orders"):
        line.run(flow)
    klaviyo.settled()
    assert klaviyo.state()["profiles"] > 0
    people = klaviyo.rows("profiles")[:5]
    for person in people:
        klaviyo.suppress(person["email"])
    before = klaviyo.rows("consents")
    assert {entry["action"] for entry in before} == {"UNSUBSCRIBED"}
    for flow in ("customers", "catalog", "orders"):
        line.run(flow, end="2031-01-01T00:00:00Z")
    klaviyo.settled()
    assert klaviyo.rows("consents") == before
    paths = [path for path in klaviyo.state()["requests"] if "subscription" in path or "suppression" in path]
    assert paths == []
