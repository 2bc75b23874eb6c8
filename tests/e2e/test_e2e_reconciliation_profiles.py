"""What the reconciliation says of profiles: who asked to be forgotten, identifiers that another profile has,
and profiles whose record is rejected, merged or deleted by now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from reconciled import ask_klaviyo, compare, fresh_line, rows

from netsuite_connector.flows import privacy
from netsuite_connector.flows.guard import Guard
from netsuite_connector.flows.reconciliation.profiles import differences, lacks
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite

pytestmark = pytest.mark.line

PERSON = {"isperson": True, "stage": "CUSTOMER", "subsidiary": "1", "isinactive": False, "lastname": "Doe"}
OWN = "NetSuite ID"


@pytest.fixture(scope="module")
def netsuite() -> Iterator[NetSuite]:
    """An account whose customers and contacts are of the last days."""
    with running_netsuite(customers=25) as running:
        for kind in ("customer", "contact"):
            for number, record in enumerate(list(running.records(kind))):
                moment = datetime.now(UTC) - timedelta(days=1 + number % 3, hours=number)
                made = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
                running.update(kind, record["internalid"], datecreated=made, lastmodifieddate=made)
        yield running


@pytest.fixture
def line(netsuite: NetSuite, klaviyo: Klaviyo, new_line: Callable[..., Any]) -> Any:
    made = fresh_line(netsuite, klaviyo, new_line)
    made.run("customers")
    klaviyo.settled()
    return made


@pytest.fixture
def person(netsuite: NetSuite) -> Iterator[Callable[..., int]]:
    """Makes customers for one test."""
    made = []

    def make(email: str, **values: Any) -> int:
        made.append(netsuite.create("customer", email=email, **PERSON | values)["internalid"])
        return int(made[-1])

    yield make
    left = {record["internalid"] for record in netsuite.records("customer")}
    for id_ in left & set(made):
        netsuite.delete("customer", id_)


def told(line: Any, report: dict[str, Any]) -> set[tuple[str, int, bool]]:
    """Verdict, internal id, and whether it is an edit, of each finding."""
    return {(row["verdict"], row["internal_id"], row["edited"]) for row in rows(line, report)}


def total(report: dict[str, Any], name: str) -> int:
    return sum(each[name] for each in report["kinds"])


def forget(line: Any, email: str) -> None:
    """Somebody has a profile deleted."""
    line.klaviyo_client().privacy.request_deletion(email=email)
    line.klaviyo.settled()


def people(line: Any) -> dict[str, dict[str, Any]]:
    line.klaviyo.settled()
    return {row["email"]: row for row in line.klaviyo.rows("profiles") if row["email"]}


def change(line: Any, email: str, **attributes: Any) -> None:
    identity = people(line)[email]["id"]
    ask_klaviyo(
        line,
        "PATCH",
        f"/api/profiles/{identity}",
        {"data": {"type": "profile", "id": identity, "attributes": attributes}},
    )


def make(line: Any, email: str, **attributes: Any) -> None:
    body = {"type": "profile", "attributes": {"email": email, **attributes}}
    ask_klaviyo(line, "POST", "/api/profiles", {"data": body})


def test_whoever_asked_to_be_forgotten_is_neither_missing_nor_sent_again(line: Any) -> None:
    before = total(compare(line, "customers"), "rejected")
    gone, lost = list(people(line))[:2]
    guard = Guard(line.staging, line.store.klaviyo.connection, "test")
    privacy.request_deletions(guard, line.klaviyo_client(), [gone])
    forget(line, lost)
    report = compare(line, "customers")
    assert [row["verdict"] for row in rows(line, report)] == ["missing"]
    assert total(report, "rejected") == before + 1
    healed = compare(line, "customers", heal=True)
    assert (healed["agrees"], healed["healed"]) == (True, 1)
    assert (gone in people(line), lost in people(line)) == (False, True)
    # NetSuite's record made the profile again, and Klaviyo lost something of it: it is left to the flow.
    make(line, gone, first_name="Another")
    healed = compare(line, "customers", heal=True)
    assert (healed["agrees"], healed["healed"]) == (True, 0)


def test_a_lost_phone_number_or_external_id_is_a_difference_and_healed(line: Any) -> None:
    assert compare(line, "customers")["agrees"]
    before = people(line)
    phone = next(email for email, row in before.items() if row["phone_number"])
    identity = next(email for email, row in before.items() if row["external_id"] and email != phone)
    change(line, phone, phone_number=None)
    change(line, identity, external_id=None)
    report = compare(line, "customers")
    details = {row["internal_id"]: row["detail"] for row in rows(line, report)}
    assert details == {
        int(before[phone]["properties"][OWN]): "phone_number differ",
        int(before[identity]["properties"][OWN]): "external_id differ",
    }
    assert compare(line, "customers", heal=True)["agrees"]
    after = people(line)
    assert after[phone]["phone_number"] == before[phone]["phone_number"]
    assert after[identity]["external_id"] == before[identity]["external_id"]


def test_an_identifier_that_another_profile_has_is_no_difference(
    line: Any, person: Callable[..., int]
) -> None:
    before = people(line)
    phone = next(email for email, row in before.items() if row["phone_number"])
    identity = next(email for email, row in before.items() if row["external_id"] and email != phone)
    change(line, phone, phone_number=None)
    change(line, identity, external_id=None)
    make(line, "phone@shop.example", phone_number=before[phone]["phone_number"])
    make(line, "identity@shop.example", external_id=before[identity]["external_id"])
    report = compare(line, "customers")
    assert (report["agrees"], told(line, report)) == (True, set())
    # So is a number that Klaviyo refused: the flow left it as a property.
    for name in ("ann", "bob"):
        person(f"{name}@shop.example", mobilephone="(415) 555-2671", countrycode="US")
    line.run("customers", end="2031-01-01T00:00:00Z")
    held = people(line)
    numbers = {held[f"{name}@shop.example"]["phone_number"] for name in ("ann", "bob")}
    assert numbers == {None, "+14155552671"}
    change(line, "ann@shop.example", phone_number=None)
    change(line, "bob@shop.example", phone_number=None)
    report = compare(line, "customers")
    assert [row["detail"] for row in rows(line, report)] == ["phone_number differ"]


class _Counting:
    """A Klaviyo client that counts what is looked up of profiles."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.lookups = 0

    def profiles(self, *query: Any) -> Any:
        self.lookups += 1
        return self._client.profiles(*query)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_other_profiles_are_looked_up_together_and_only_where_something_is_lost(line: Any) -> None:
    client = _Counting(line.klaviyo_client())
    assert compare(line, "customers", client=client)["agrees"]
    refused = {row["email"] for row in people(line).values() if "NetSuite Phone" in row["properties"]}
    assert (client.lookups, refused) == (0, set())
    with_phone = [email for email, row in people(line).items() if row["phone_number"]][:5]
    for email in with_phone:
        change(line, email, phone_number=None)
    assert len(rows(line, compare(line, "customers", client=client))) == 5
    assert client.lookups == 2, "one for each of the two looks"


def test_a_store_that_leaves_identifiers_out_is_told_of_none(line: Any) -> None:
    settings = line.store.flows["customers"]
    mapping = {
        name: {"properties": {"phone_number": False, "external_id": False, OWN: "Record"}}
        for name in ("customers", "contacts")
    }
    flow = type(settings).model_validate(settings.model_dump() | {"mapping": mapping})
    line.store = line.store.model_copy(update={"flows": line.store.flows | {"customers": flow}})
    line.klaviyo.reset()
    line.run("customers", resend=True)
    assert not any(row["phone_number"] or row["external_id"] for row in people(line).values())
    report = compare(line, "customers")
    assert (report["agrees"], told(line, report)) == (True, set())
    make(line, "eve@shop.example", properties={"Record": "99999999"})
    assert told(line, compare(line, "customers")) == {("extra", 99999999, False)}


def test_a_number_that_the_store_sends_under_the_propertys_name_proves_nothing() -> None:
    number, other = "+14155552671", "+14155550000"
    held = {"phone_number": None, "properties": {"NetSuite Phone": number}}
    sent = {"phone_number": number}
    assert not lacks("phone_number", sent, held)
    assert lacks("phone_number", sent, held | {"properties": {}})
    assert lacks("phone_number", sent | {"properties": {"NetSuite Phone": number}}, held)
    # What else a store sends under that name has to give way to the number.
    assert not lacks("phone_number", sent | {"properties": {"NetSuite Phone": "front desk"}}, held)
    assert differences(sent | {"properties": {"NetSuite Phone": "front desk"}}, held) == []
    assert differences(sent, {"phone_number": other, "properties": {"NetSuite Phone": number}}) == []
    assert differences(sent, {"phone_number": other, "properties": {}}) == ["phone_number"]


def test_a_rejected_record_excuses_its_profile_only_if_it_was_delivered(
    line: Any, netsuite: NetSuite, person: Callable[..., int]
) -> None:
    never = person("nobody")
    make(line, "eve@shop.example", properties={OWN: str(never)})
    report = compare(line, "customers")
    assert (report["agrees"], told(line, report)) == (False, {("extra", never, False)})
    once = person("once@shop.example")
    line.run("customers", end="2031-01-01T00:00:00Z")
    netsuite.update("customer", once, email="nobody")
    assert told(line, compare(line, "customers")) == {("extra", never, False)}
    # Nor does it matter that the flow has seen by now that it is rejected.
    line.run("customers", start="2020-01-01T00:00:00Z", end="2032-01-01T00:00:00Z")
    assert told(line, compare(line, "customers")) == {("extra", never, False)}


def test_the_profile_of_a_merged_or_deleted_record_is_told_and_no_disagreement(
    line: Any, netsuite: NetSuite, person: Callable[..., int]
) -> None:
    merged, deleted = person("merged@shop.example"), person("deleted@shop.example")
    into = person("into@shop.example")
    line.run("customers", end="2031-01-01T00:00:00Z")
    assert compare(line, "customers")["agrees"]
    netsuite.merge("customer", merged, into)
    netsuite.delete("customer", deleted)
    wanted = {("extra", merged, True), ("extra", deleted, True)}
    report = compare(line, "customers")
    assert (report["agrees"], told(line, report)) == (True, wanted)
    assert all("merged or deleted" in row["detail"] for row in rows(line, report))
    line.run("customers", start="2020-01-01T00:00:00Z", end="2032-01-01T00:00:00Z")
    healed = compare(line, "customers", heal=True)
    assert (healed["agrees"], healed["healed"], told(line, healed)) == (True, 0, wanted)
    # One that was never delivered is somebody else's doing.
    strange = person("strange@shop.example")
    netsuite.delete("customer", strange)
    make(line, "strange@shop.example", properties={OWN: str(strange)})
    report = compare(line, "customers")
    assert (report["agrees"], told(line, report)) == (False, wanted | {("extra", strange, False)})
