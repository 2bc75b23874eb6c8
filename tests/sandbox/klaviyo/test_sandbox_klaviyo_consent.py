"""Consent: who may be written to, what changes it, and a log that shows whether anybody was resubscribed."""

from __future__ import annotations

import pytest


@pytest.fixture
def consent(api):
    return Consent(api)


class Consent:
    def __init__(self, api) -> None:
        self.api = api

    def make_list(self, opt_in: str = "single_opt_in") -> str:
        attributes = {"name": "News", "opt_in_process": opt_in}
        return self.api.post("lists", {"type": "list", "attributes": attributes}).json()["data"]["id"]

    def subscribe(
        self, email: str, *, to: str | None = None, consented_at: str | None = None, historical=False
    ):
        marketing = {"consent": "SUBSCRIBED"} | ({"consented_at": consented_at} if consented_at else {})
        attributes: dict = {"profiles": {"data": [self._row(email, marketing)]}}
        if historical:
            attributes["historical_import"] = True
        return self._post("profile-subscription-bulk-create-jobs", attributes, to)

    def unsubscribe(self, email: str, *, from_list: str | None = None):
        attributes = {"profiles": {"data": [self._row(email, {"consent": "UNSUBSCRIBED"})]}}
        return self._post("profile-subscription-bulk-delete-jobs", attributes, from_list)

    def suppression(self, action: str, *emails: str) -> dict:
        path = f"profile-suppression-bulk-{action}-jobs"
        rows = [{"type": "profile", "attributes": {"email": email}} for email in emails]
        job = self.api.post(path, {"type": path[:-1], "attributes": {"profiles": {"data": rows}}}).json()[
            "data"
        ]
        self.api.account.settled()
        return self.api.get(f"{path}/{job['id']}").json()["data"]["attributes"]

    def of(self, email: str) -> dict:
        query = {"filter": f'equals(email,"{email}")', "additional-fields[profile]": "subscriptions"}
        (profile,) = self.api.get("profiles", **query).json()["data"]
        return profile["attributes"]["subscriptions"]["email"]["marketing"]

    def log(self) -> list[tuple[str, list[str]]]:
        return [(line["action"], line["lifted"]) for line in self.api.account.rows("consents")]

    def _row(self, email: str, marketing: dict) -> dict:
        channels = {"email": {"marketing": marketing}}
        return {"type": "profile", "attributes": {"email": email, "subscriptions": channels}}

    def _post(self, path: str, attributes: dict, name: str | None):
        body: dict = {"type": path[:-1], "attributes": attributes}
        if name:
            body["relationships"] = {"list": {"data": {"type": "list", "id": name}}}
        answer = self.api.post(path, body)
        self.api.account.settled()
        return answer


def _reasons(marketing: dict) -> list[str]:
    return [one["reason"] for one in marketing["suppression"]]


def test_subscribing_answers_nothing_and_is_logged(consent, api):
    api.imported({"email": "ann@shop.example"})
    assert consent.of("ann@shop.example")["consent"] == "NEVER_SUBSCRIBED"
    answer = consent.subscribe("ann@shop.example")
    assert (answer.status_code, answer.content) == (202, b"")
    assert consent.of("ann@shop.example")["consent"] == "SUBSCRIBED"
    assert consent.log() == [("SUBSCRIBED", [])]


def test_subscribing_lifts_an_unsubscribe_but_no_bounce(consent, account, api):
    api.imported({"email": "ann@shop.example"})
    for reason in ("UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED", "HARD_BOUNCE"):
        account.suppress("ann@shop.example", reason)
    assert consent.of("ann@shop.example")["can_receive_email_marketing"] is False
    consent.subscribe("ann@shop.example")
    after = consent.of("ann@shop.example")
    assert (after["consent"], _reasons(after)) == ("SUBSCRIBED", ["HARD_BOUNCE"])
    assert after["can_receive_email_marketing"] is False
    # The log shows that somebody was resubscribed against their will.
    assert consent.log()[-1] == ("SUBSCRIBED", ["UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED"])


def test_importing_a_profile_leaves_consent_alone(consent, account, api):
    api.imported({"email": "ann@shop.example"})
    account.suppress("ann@shop.example")
    api.imported({"email": "ann@shop.example", "properties": {"Accepts Marketing": True}})
    assert _reasons(consent.of("ann@shop.example")) == ["UNSUBSCRIBE"]


def test_an_unknown_address_is_only_created_for_a_list_or_a_historical_import(consent, account):
    consent.subscribe("ann@shop.example")
    assert account.state()["profiles"] == 0
    assert consent.log() == [("IGNORED_UNKNOWN", [])]
    consent.subscribe("ann@shop.example", to=consent.make_list())
    consent.subscribe("bob@shop.example", historical=True, consented_at="2020-05-05T00:00:00Z")
    assert account.state()["profiles"] == 2
    assert consent.of("bob@shop.example")["consent_timestamp"] == "2020-05-05T00:00:00Z"


def test_double_opt_in_waits_for_the_person(consent):
    consent.subscribe("ann@shop.example", to=consent.make_list("double_opt_in"))
    assert consent.of("ann@shop.example")["consent"] == "NEVER_SUBSCRIBED"
    assert consent.log() == [("CONFIRMATION_SENT", [])]


@pytest.mark.parametrize(
    ("historical", "consented_at"),
    [(True, None), (True, "2999-01-01T00:00:00Z"), (False, "2020-01-01T00:00:00Z")],
)
def test_historical_consent_needs_a_moment_in_the_past_and_only_that(
    consent, pointers, historical, consented_at
):
    answer = consent.subscribe("ann@shop.example", historical=historical, consented_at=consented_at)
    assert answer.status_code == 400
    assert pointers(answer)[0].endswith("/subscriptions/email/marketing/consented_at")


def test_a_profile_is_subscribed_at_most_once_in_half_an_hour(consent, account, api):
    api.imported({"email": "ann@shop.example"})
    consent.subscribe("ann@shop.example")
    consent.unsubscribe("ann@shop.example")
    consent.subscribe("ann@shop.example")
    assert consent.of("ann@shop.example")["consent"] == "UNSUBSCRIBED"
    account.skip_time(31 * 60)
    consent.subscribe("ann@shop.example")
    assert consent.of("ann@shop.example")["consent"] == "SUBSCRIBED"


def test_unsubscribing_from_a_list_one_is_not_in_unsubscribes_from_everything(consent, api):
    first, second = consent.make_list(), consent.make_list()
    consent.subscribe("ann@shop.example", to=first)
    consent.unsubscribe("ann@shop.example", from_list=first)
    after = consent.of("ann@shop.example")
    assert (after["consent"], [one["list_id"] for one in after["list_suppressions"]]) == (
        "SUBSCRIBED",
        [first],
    )
    consent.unsubscribe("ann@shop.example", from_list=second)
    after = consent.of("ann@shop.example")
    assert (after["consent"], _reasons(after)) == ("UNSUBSCRIBED", ["UNSUBSCRIBE"])


def test_suppressing_by_hand_is_lifted_by_hand_and_nothing_else_is(consent, account, api):
    api.imported({"email": "ann@shop.example"})
    account.suppress("ann@shop.example", "UNSUBSCRIBE")
    job = consent.suppression("create", "ann@shop.example", "new@shop.example")
    assert (job["status"], job["completed_count"], job["skipped_count"]) == ("complete", 2, 0)
    assert _reasons(consent.of("new@shop.example")) == ["USER_SUPPRESSED"]
    job = consent.suppression("delete", "ann@shop.example", "nobody@shop.example")
    assert (job["completed_count"], job["skipped_count"]) == (1, 1)
    assert _reasons(consent.of("ann@shop.example")) == ["UNSUBSCRIBE"]


def test_the_suppressed_of_late_can_be_asked_for(consent, account, api):
    api.imported({"email": "ann@shop.example"}, {"email": "bob@shop.example"})
    account.suppress("bob@shop.example")
    text = "greater-than(subscriptions.email.marketing.suppression.timestamp,2026-01-01T00:00:00Z)"
    found = api.get("profiles", filter=text).json()["data"]
    assert [one["attributes"]["email"] for one in found] == ["bob@shop.example"]


@pytest.mark.parametrize(
    ("path", "most"),
    [("profile-subscription-bulk-create-jobs", 1_000), ("profile-subscription-bulk-delete-jobs", 100)],
)
def test_consent_requests_are_capped(consent, api, pointers, path, most):
    word = "SUBSCRIBED" if "create" in path else "UNSUBSCRIBED"
    rows = [consent._row(f"a{number}@shop.example", {"consent": word}) for number in range(most + 1)]
    answer = api.post(path, {"type": path[:-1], "attributes": {"profiles": {"data": rows}}})
    assert pointers(answer) == ["/data/attributes/profiles/data"]
