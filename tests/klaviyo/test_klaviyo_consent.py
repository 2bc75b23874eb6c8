"""Consent: read back, imported only where nobody said no, and suppressed. The consent log of the sandbox
account is the witness.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import urllib.parse

import orjson
import pytest
import requests
from klaviyo_canned import Canned, Reply, errors
from klaviyo_records import QUICK, Connect, deliver, profile

from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.consent import Address, OptIn
from netsuite_connector.klaviyo.consent_state import ConsentState, MarketingConsent
from netsuite_connector.klaviyo.endpoints import Bulk
from netsuite_connector.klaviyo.errors import KlaviyoFaultError, KlaviyoLimitError, KlaviyoRequestError
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount

SUBSCRIBE = "POST /api/profile-subscription-bulk-create-jobs"
SUPPRESS = "POST /api/profile-suppression-bulk-create-jobs"
LONG_AGO = dt.datetime(2020, 5, 17, 10, 30, tzinfo=dt.UTC)


def email(number: int) -> str:
    return f"p{number}@shop.klaviyo-demo.com"


def opt_in(number: int, consented_at: dt.datetime | None = LONG_AGO) -> OptIn:
    return OptIn(f"x{number}", email(number), consented_at)


def make_list(sandbox: SandboxAccount, name: str = "Newsletter", opt_in: str = "double_opt_in") -> str:
    answer = requests.post(
        f"{sandbox.url}/api/lists",
        json={"data": {"type": "list", "attributes": {"name": name, "opt_in_process": opt_in}}},
        headers=sandbox.headers() | {"Content-Type": "application/vnd.api+json"},
        timeout=10,
    )
    answer.raise_for_status()
    return str(answer.json()["data"]["id"])


def import_profiles(client: KlaviyoClient, count: int) -> None:
    assert deliver(client, Bulk.PROFILE_IMPORT, *(profile(number) for number in range(count))).failed == 0


def states(client: KlaviyoClient, *numbers: int) -> dict[str, ConsentState]:
    return {state.email: state for state in client.consent.subscriptions(map(email, numbers))}


def lifted(sandbox: SandboxAccount) -> list[dict[str, object]]:
    """The lines of the consent log that lifted an opt-out."""
    return [line for line in sandbox.rows("consents") if line["lifted"]]


def test_consents_are_read_back_for_those_who_are_there(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    import_profiles(client, 250)
    sandbox.suppress(email(3))
    sandbox.suppress(email(4), "HARD_BOUNCE")
    found = states(client, *range(400))
    assert set(found) == {email(number) for number in range(250)}
    assert found[email(0)].consent is MarketingConsent.NEVER_SUBSCRIBED
    assert (found[email(0)].opted_out, found[email(0)].suppressions) == (False, ())
    gone = found[email(3)]
    assert (gone.consent, gone.can_receive, gone.opted_out) == (MarketingConsent.UNSUBSCRIBED, False, True)
    assert [one.reason for one in gone.suppressions] == ["UNSUBSCRIBE"]
    assert gone.changed_at is not None
    assert abs(gone.changed_at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    bounced = found[email(4)]
    assert (bounced.consent, bounced.opted_out) == (MarketingConsent.NEVER_SUBSCRIBED, True)
    assert gone.profile_id


def test_an_address_is_found_whatever_its_case(connect: Connect) -> None:
    client = connect()
    import_profiles(client, 1)
    [state] = client.consent.subscriptions(["P0@Shop.Klaviyo-Demo.COM", ""])
    assert state.email == email(0)


def test_an_address_with_odd_characters_is_looked_up_as_it_is(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    client = connect()
    odd = "o'neil+news&more=1%@shop.klaviyo-demo.com"
    deliver(client, Bulk.PROFILE_IMPORT, profile(1, email=odd), profile(2))
    sandbox.suppress(odd)
    [state] = client.consent.subscriptions([odd])
    assert (state.email, state.opted_out) == (odd, True)
    target = make_list(sandbox)
    assert client.consent.import_opt_ins(target, [OptIn("odd", odd, LONG_AGO)]).opted_out == ["odd"]


def test_the_suppressed_since_a_moment(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    import_profiles(client, 3)
    sandbox.suppress(email(0))
    sandbox.skip_time(60)
    before = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)
    sandbox.suppress(email(1), "SPAM_COMPLAINT")
    found = list(client.consent.suppressed(before))
    assert [(state.email, state.suppressions[0].reason) for state in found] == [(email(1), "SPAM_COMPLAINT")]
    assert {state.email for state in client.consent.suppressed(LONG_AGO)} == {email(0), email(1)}
    with pytest.raises(ValueError, match="time zone"):
        list(client.consent.suppressed(dt.datetime(2026, 1, 1)))  # noqa: DTZ001


def test_confirmed_opt_ins_are_subscribed_as_history_without_a_confirmation(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    client = connect()
    import_profiles(client, 2)
    target = make_list(sandbox)  # a list that asks everybody else for a confirmation
    result = client.consent.import_opt_ins(target, [opt_in(0), opt_in(1), opt_in(77)])
    assert (result.accepted, result.rejected) == (["x0", "x1", "x77"], [])
    sandbox.settled()
    log = sandbox.rows("consents")
    assert {(line["email"], line["action"], line["list"], line["historical"]) for line in log} == {
        (email(number), "SUBSCRIBED", target, True) for number in (0, 1, 77)
    }
    assert {line["method"] for line in log} == {"NetSuite"}
    found = states(client, 0, 1, 77)
    assert {state.consent for state in found.values()} == {MarketingConsent.SUBSCRIBED}
    assert {state.changed_at for state in found.values()} == {LONG_AGO}
    assert found[email(0)].can_receive


def test_whoever_opted_out_is_never_subscribed_again(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    import_profiles(client, 6)
    target = make_list(sandbox)
    for number, reason in enumerate(["UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED", "HARD_BOUNCE"]):
        sandbox.suppress(email(number), reason)
    everybody = [opt_in(number) for number in range(6)]
    result = client.consent.import_opt_ins(target, everybody)
    assert result.opted_out == ["x0", "x1", "x2", "x3"]
    assert result.accepted == ["x4", "x5"]
    sandbox.settled()
    # and in a replay, hours later, after one more said no
    sandbox.suppress(email(4))
    sandbox.skip_time(7200)
    again = client.consent.import_opt_ins(target, everybody)
    assert (again.accepted, again.subscribed) == ([], ["x5"])
    assert again.opted_out == ["x0", "x1", "x2", "x3", "x4"]
    sandbox.settled()
    assert lifted(sandbox) == []


def test_an_opt_out_of_a_single_list_is_an_opt_out(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    target = make_list(sandbox)
    client.consent.import_opt_ins(target, [opt_in(0)])
    sandbox.settled()
    person = {
        "type": "profile",
        "attributes": {
            "email": email(0),
            "subscriptions": {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}},
        },
    }
    requests.post(
        f"{sandbox.url}/api/profile-subscription-bulk-delete-jobs",
        json={
            "data": {
                "type": "profile-subscription-bulk-delete-job",
                "attributes": {"profiles": {"data": [person]}},
                "relationships": {"list": {"data": {"type": "list", "id": target}}},
            }
        },
        headers=sandbox.headers() | {"Content-Type": "application/vnd.api+json"},
        timeout=10,
    ).raise_for_status()
    sandbox.settled()
    [state] = client.consent.subscriptions([email(0)])
    assert state.opted_out
    assert [one.list_id for one in state.suppressions] == [target]
    assert client.consent.import_opt_ins(target, [opt_in(0)]).opted_out == ["x0"]


@pytest.mark.parametrize("fault", ["timeout_after_commit", "reset_after_commit", "reset", "error_503"])
def test_an_opt_out_between_a_broken_call_and_its_repeat_stands(
    connect: Connect, sandbox: SandboxAccount, fault: str
) -> None:
    """The call breaks; before it is repeated, one of the two unsubscribes."""
    client = connect(read=0.6, backoff=1)
    import_profiles(client, 2)
    target = make_list(sandbox)
    sandbox.fault(fault, endpoint=SUBSCRIBE)

    def leave() -> None:
        while sandbox.state()["faults"]:
            time.sleep(0.01)
        sandbox.settled()
        sandbox.suppress(email(0))

    person = threading.Thread(target=leave)
    person.start()
    result = client.consent.import_opt_ins(target, [opt_in(0), opt_in(1)])
    person.join()
    assert result.opted_out == ["x0"]
    assert result.accepted + result.subscribed == ["x1"]
    sandbox.settled()
    assert lifted(sandbox) == []
    found = states(client, 0, 1)
    assert found[email(0)].consent is MarketingConsent.UNSUBSCRIBED
    assert found[email(1)].consent is MarketingConsent.SUBSCRIBED


def test_opt_ins_without_a_time_in_the_past_or_an_address_are_refused(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    client = connect()
    target = make_list(sandbox)
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    result = client.consent.import_opt_ins(
        target,
        [
            opt_in(0, None),
            opt_in(1, tomorrow),
            opt_in(2, dt.datetime(2020, 1, 1)),  # noqa: DTZ001
            OptIn("x3", "nobody", LONG_AGO),
            OptIn("x4", "jürgen@doe.org", LONG_AGO),
            OptIn("x5", f"  {email(5).upper()} ", LONG_AGO),
        ],
    )
    assert result.accepted == ["x5"]
    assert [(rejection.key, rejection.reasons[0].split(",")[0]) for rejection in result.rejected] == [
        ("x0", "An opt-in is imported only with the time at which it was given"),
        ("x1", "The opt-in was given in the future."),
        ("x2", "The time at which the opt-in was given lacks its time zone."),
        ("x3", "The opt-in has no e-mail address that can be looked up in Klaviyo."),
        ("x4", "The opt-in has no e-mail address that can be looked up in Klaviyo."),
    ]
    sandbox.settled()
    assert [line["email"] for line in sandbox.rows("consents")] == [email(5)]


def test_bad_opt_ins_lose_only_themselves_and_a_repeated_address_is_sent_once(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    client = connect()
    target = make_list(sandbox)
    entries = [opt_in(0), OptIn("bad", "a@b", LONG_AGO), OptIn("x0 again", email(0), LONG_AGO), opt_in(1)]
    result = client.consent.import_opt_ins(target, entries)
    assert [(r.key, r.reasons) for r in result.rejected] == [
        ("bad", ("Klaviyo on email: Invalid email address",))
    ]
    assert result.accepted == ["x0", "x1", "x0 again"]
    sandbox.settled()
    assert [line["email"] for line in sandbox.rows("consents")] == [email(0), email(1)]
    only_bad = client.consent.import_opt_ins(target, [OptIn("bad", "a@b", LONG_AGO)])
    assert (only_bad.accepted, [r.key for r in only_bad.rejected]) == ([], ["bad"])


def test_many_opt_ins_go_in_requests_of_a_thousand(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    target = make_list(sandbox)
    result = client.consent.import_opt_ins(target, (opt_in(number) for number in range(1_001)))
    assert len(result.accepted) == 1_001
    assert sandbox.state()["requests"][SUBSCRIBE]["requests"] == 2


def test_a_list_that_is_not_there_is_told(connect: Connect) -> None:
    with pytest.raises(KlaviyoRequestError):
        connect().consent.import_opt_ins("L00000", [opt_in(0)])


def test_when_consents_can_not_be_read_nobody_is_subscribed(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    client = connect()
    target = make_list(sandbox)
    sandbox.fault("throttle", times=9, endpoint="GET /api/profiles")
    with pytest.raises(KlaviyoLimitError):
        client.consent.import_opt_ins(target, [opt_in(0)])
    assert SUBSCRIBE not in sandbox.state()["requests"]


def test_a_profile_without_consents_in_it_is_a_fault_and_not_a_yes(
    client: KlaviyoClient, canned: Canned
) -> None:
    canned.replies = [Reply(200, {"data": [{"id": "1", "attributes": {"email": "p0@doe.org"}}], "links": {}})]
    with pytest.raises(KlaviyoFaultError, match="consent makes no sense"):
        list(client.consent.subscriptions(["p0@doe.org"]))


def test_a_word_for_consent_that_is_unknown_here_counts_as_no(client: KlaviyoClient, canned: Canned) -> None:
    marketing = {"consent": "PAUSED", "can_receive_email_marketing": True}
    attributes = {"email": "p0@doe.org", "subscriptions": {"email": {"marketing": marketing}}}
    canned.replies = [Reply(200, {"data": [{"id": "1", "attributes": attributes}], "links": {}})]
    [state] = client.consent.subscriptions(["p0@doe.org"])
    assert (state.consent, state.opted_out) == (MarketingConsent.OTHER, True)
    assert client.consent.import_opt_ins("L1", [OptIn("x", "p0@doe.org", LONG_AGO)]).opted_out == ["x"]
    assert not [request for request in canned.requests if request.method == "POST"]


def test_every_request_that_subscribes_is_an_import_of_history(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [Reply(200, {"data": [], "links": {}}), Reply(202)]
    client.consent.import_opt_ins("L1", [opt_in(0)])
    asked, sent = canned.requests
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(asked.path).query)
    assert query["additional-fields[profile]"] == ["subscriptions"]
    data = orjson.loads(sent.body)["data"]
    assert data["attributes"]["historical_import"] is True
    assert data["relationships"] == {"list": {"data": {"type": "list", "id": "L1"}}}
    [person] = data["attributes"]["profiles"]["data"]
    assert person["attributes"]["subscriptions"] == {
        "email": {"marketing": {"consent": "SUBSCRIBED", "consented_at": "2020-05-17T10:30:00Z"}}
    }


def test_no_kind_of_batch_can_subscribe() -> None:
    assert not [bulk for bulk in Bulk if "subscription" in bulk.envelope.push.path]


def test_suppressing_is_followed_to_its_end_and_counts_who_is_already(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    client = connect()
    import_profiles(client, 2)
    people = [Address(f"x{number}", email(number)) for number in range(150)]
    first = client.consent.suppress(people[:1], pause=QUICK)
    assert (first.suppressed, first.skipped, first.rejected) == (1, 0, [])
    result = client.consent.suppress([*people, Address("bad", "nobody")], pause=QUICK)
    assert (result.suppressed, result.skipped) == (149, 1)
    assert [(r.key, r.reasons) for r in result.rejected] == [
        ("bad", ("Klaviyo on email: Invalid email address",))
    ]
    assert sandbox.state()["requests"][SUPPRESS]["requests"] == 4  # 100 + 51, of which one is sent again
    assert states(client, 149)[email(149)].suppressions[0].reason == "USER_SUPPRESSED"


@pytest.mark.parametrize("fault", ["timeout_after_commit", "reset_after_commit", "html_502"])
def test_suppressing_through_a_fault(connect: Connect, sandbox: SandboxAccount, fault: str) -> None:
    client = connect(read=0.4)
    sandbox.fault(fault, endpoint=SUPPRESS)
    result = client.consent.suppress([Address("x0", email(0)), Address("x1", email(1))], pause=QUICK)
    assert result.suppressed + result.skipped == 2
    assert {state.opted_out for state in states(client, 0, 1).values()} == {True}


def test_a_list_is_found_by_its_id_or_its_name(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    ids = [make_list(sandbox, f"List {number}") for number in range(12)]
    single = make_list(sandbox, 'The "best", of all', "single_opt_in")
    assert [one.id for one in client.reading.lists()] == [*ids, single]
    assert client.reading.find_list(ids[3]).name == "List 3"
    assert client.reading.find_list("List 11").double_opt_in
    found = client.reading.find_list('The "best", of all')
    assert (found.id, found.double_opt_in) == (single, False)
    with pytest.raises(KlaviyoRequestError, match="no lists with the id or name 'Nothing'"):
        client.reading.find_list("Nothing")
    make_list(sandbox, "List 3")
    with pytest.raises(KlaviyoRequestError, match="2 lists"):
        client.reading.find_list("List 3")


def test_a_canned_refusal_of_suppressions_that_names_nobody_is_told(
    client: KlaviyoClient, canned: Canned
) -> None:
    canned.replies = [Reply(400, errors({"detail": "No.", "source": {"pointer": "/data"}}))]
    with pytest.raises(KlaviyoRequestError, match=r"No\."):
        client.consent.suppress([Address("x0", email(0))])
