"""The flow *consents*: whatever happens, nobody who opted out ends up subscribed. The consent log of the
sandbox account is the witness; rows of NetSuite are put into staging as the extract leaves them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from consents_shop import (
    COLUMN,
    CONFIRMED_IN,
    CONFIRMED_OUT,
    LONG_AGO,
    OPT_OUTS,
    SOFT_IN,
    SOFT_OUT,
    SUBSCRIBE,
    KilledError,
    Shop,
    email,
    subscribe_as_a_form_does,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from netsuite_connector.errors import MendError
from netsuite_connector.flows import addresses, consents
from netsuite_connector.flows.guard import Entry, Guard, Why
from netsuite_connector.flows.plan import Asked
from netsuite_connector.flows.privacy import check_request, request_deletions
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.validate import validate
from netsuite_connector.flows.watch import KEPT, Watch
from netsuite_connector.klaviyo.errors import KlaviyoFaultError
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox
from netsuite_connector.staging.rejected import SCHEMA as REJECTED
from netsuite_connector.staging.staging import Staging


def test_only_confirmed_opt_ins_are_imported_with_their_moment(shop: Shop) -> None:
    for number, status in enumerate((SOFT_IN, SOFT_OUT, CONFIRMED_IN, CONFIRMED_OUT), 1):
        shop.customers[number] = (email(number), status, LONG_AGO)
    shop.contacts[9] = (email(9).upper(), CONFIRMED_IN, LONG_AGO + timedelta(days=1))
    done = shop.sync()
    assert shop.subscribed() == {email(3), email(9)}
    log = shop.klaviyo.rows("consents")
    assert {(line["email"], line["consented_at"], line["list"], line["historical"]) for line in log} == {
        (email(3), "2020-05-17T10:30:00Z", shop.list, True),
        (email(9), "2020-05-18T10:30:00Z", shop.list, True),
    }
    assert done["rows"] == {"extracted": 5, "delivered": 2, "unchanged": 0, "rejected": 3}
    assert done["people"] == {"imported": 2, "opted out in NetSuite": 2, "not confirmed": 1}
    again = shop.sync()
    assert again["rows"] == {"extracted": 5, "delivered": 0, "unchanged": 2, "rejected": 3}
    assert len(shop.klaviyo.rows("consents")) == 2


def test_rows_without_an_address_or_a_moment_that_has_passed_are_rejected(shop: Shop) -> None:
    shop.customers = {
        1: (None, CONFIRMED_IN, LONG_AGO),
        2: ("nobody", CONFIRMED_IN, LONG_AGO),
        3: (email(3), CONFIRMED_IN, None),
        4: (email(4), CONFIRMED_IN, datetime.now(UTC) + timedelta(hours=1)),
        5: (email(5), None, LONG_AGO),
        6: (email(6), SOFT_IN, None),
    }
    done = shop.sync()
    assert shop.subscribed() == set()
    assert done["rejected_by_reason"] == {
        "Email is missing": 1,
        "Email is not an e-mail address that Klaviyo accepts": 1,
        f"Moment of the opt-in ({COLUMN}) is missing": 1,
        f"Moment of the opt-in ({COLUMN}) is in the future": 1,
        "Global Subscription Status is missing": 1,
        "Soft opt-in: only confirmed opt-ins are imported": 1,
    }
    assert done["rows"]["rejected"] == 6


@pytest.mark.parametrize("opt_out", [SOFT_OUT, CONFIRMED_OUT])
def test_of_several_records_the_most_restrictive_speaks_also_when_it_did_not_change(
    shop: Shop, opt_out: int
) -> None:
    shop.customers = {1: (email(1), CONFIRMED_IN, LONG_AGO), 2: (email(2), SOFT_IN, None)}
    shop.contacts = {7: (email(1).upper(), opt_out, None), 8: (email(2), opt_out, None)}
    shop.sync()
    assert shop.subscribed() == set()
    shop.customers[2] = (email(2), CONFIRMED_IN, LONG_AGO)
    done = shop.sync(1, 2)
    assert done["rows"]["extracted"] == 2
    assert shop.subscribed() == set()


def test_a_record_that_moved_to_another_address_no_longer_speaks_for_the_old_one(shop: Shop) -> None:
    shop.customers = {1: (email(1), SOFT_IN, None), 2: (email(1), SOFT_OUT, None)}
    shop.sync()
    shop.customers = {1: (email(1), CONFIRMED_IN, LONG_AGO), 2: (email(2), SOFT_OUT, None)}
    shop.sync(1, 2)
    assert shop.subscribed() == {email(1)}


def test_a_first_run_over_a_part_is_refused(shop: Shop) -> None:
    run = shop.run()
    with pytest.raises(MendError, match="must read everything"):
        consents.check_first(run, Asked(limit=5))
    shop.sync()
    consents.check_first(run, Asked(limit=5))


@pytest.mark.parametrize("reason", [*OPT_OUTS, "HARD_BOUNCE"])
def test_whoever_opted_out_is_left_alone_for_good(shop: Shop, reason: str) -> None:
    shop.people(2)
    shop.klaviyo.suppress(email(1), reason)
    done = shop.sync()
    assert done["people"] == {"guarded": 1, "imported": 1}
    assert shop.lifted() == []
    # Klaviyo forgets with the profile; the guard doesn't.
    shop.client().privacy.request_deletion(email=email(1))
    shop.klaviyo.settled()
    assert shop.sync()["people"] == {"guarded": 1, "already subscribed": 1}
    assert shop.subscribed() == {email(2)}


def test_whoever_once_unsubscribed_is_known_from_klaviyos_events_though_nothing_shows_it(shop: Shop) -> None:
    shop.people(1)
    shop.klaviyo.suppress(email(1), "USER_SUPPRESSED")
    shop.job("profile-suppression-bulk-delete-job", email(1))
    shop.klaviyo.settled()
    [state] = shop.client().consent.subscriptions([email(1)])
    assert not state.opted_out
    assert shop.sync()["people"] == {"guarded": 1}


def test_a_guard_that_was_lost_is_swept_together_from_the_beginning(shop: Shop, tmp_path: Path) -> None:
    shop.people(1)
    for kind in ("create", "delete"):
        shop.job(f"profile-suppression-bulk-{kind}-job", email(1))
    assert shop.sync()["people"] == {"guarded": 1}
    connection = shop.run().store.klaviyo.connection
    later = {"until": (datetime.now(UTC) + timedelta(days=2)).isoformat()}
    shop.staging.write_json(("klaviyo-guard", connection, "swept", "demo.consents"), later)
    shutil.rmtree(tmp_path / "staging" / "klaviyo-guard" / connection / "entries")
    assert shop.sync()["people"] == {"guarded": 1}


def test_a_confirmed_opt_out_in_netsuite_is_remembered_there_too(shop: Shop) -> None:
    shop.customers = {1: (email(1), CONFIRMED_OUT, None)}
    shop.sync()
    shop.customers = {1: (email(1), CONFIRMED_IN, LONG_AGO)}
    assert shop.sync()["people"] == {"guarded": 1}
    assert shop.subscribed() == set()


def test_a_store_may_have_opt_outs_suppressed(shop: Shop) -> None:
    shop.suppress = True
    shop.people(3, SOFT_OUT)
    shop.customers[2] = (email(2), CONFIRMED_OUT, None)
    shop.klaviyo.suppress(email(3))
    done = shop.sync()
    assert done["people"] == {"suppressed": 2, "already opted out": 1}
    assert done["rows"] == {"extracted": 3, "delivered": 2, "unchanged": 1, "rejected": 0}
    states = shop.client().consent.subscriptions(email(number) for number in (1, 2, 3))
    assert all(state.opted_out for state in states)


def test_a_dry_run_touches_nothing(shop: Shop) -> None:
    shop.people(3)
    before = shop.klaviyo.state()["requests"]
    done = shop.sync(dry_run=True)
    assert done["rows"] == {"extracted": 3, "delivered": 3, "unchanged": 0, "rejected": 0}
    assert shop.klaviyo.state()["requests"] == before
    assert addresses.book_of(shop.run()).manifest() is None


def test_whoever_says_yes_to_klaviyo_again_is_left_subscribed(shop: Shop) -> None:
    shop.people(1)
    shop.sync()
    shop.klaviyo.suppress(email(1))
    shop.sync()
    time.sleep(1.1)  # Klaviyo keeps the times of events to the second
    shop.klaviyo.skip_time(2)
    subscribe_as_a_form_does(shop, email(1))
    assert shop.sync()["unsubscribed_again"] == 0
    assert shop.subscribed() == {email(1)}


def test_a_clock_of_klaviyos_that_is_ahead_makes_no_import_look_like_a_yes(shop: Shop) -> None:
    """Where Klaviyo says of an import when it was done, and not when the opt-in was given."""
    shop.people(1)
    run, client = shop.run(), shop.client()
    watch, guard = Watch(run), consents.guard_of(run)
    watch.open([email(1)], datetime.now(UTC), "list")
    shop.klaviyo.skip_time(60)
    shop.klaviyo.suppress(email(1))
    subscribe_as_a_form_does(shop, email(1), after=2)
    watch.settle([email(1)], datetime.now(UTC))
    assert guard.sweep(client) == 1
    assert watch.mend(client, guard) == [email(1)]
    assert shop.subscribed() == set()


@pytest.mark.parametrize("reason", OPT_OUTS)
@pytest.mark.parametrize("when", ["before the job is sent", "before it is done"])
def test_an_opt_out_that_the_job_lifts_is_made_good_at_once(tmp_path: Path, reason: str, when: str) -> None:
    with running_sandbox(job_seconds=0.4) as account:
        shop = Shop(account, Staging(str(tmp_path / "staging")))
        shop.people(2)

        def leave() -> None:
            account.suppress(email(1), reason)

        shop.session.before, shop.session.after = (leave, None) if "sent" in when else (None, leave)
        done = shop.sync()
        assert [line["email"] for line in shop.lifted()] == [email(1)]
        assert (done["unsubscribed_again"], done["rows"]["rejected"]) == (1, 1)
        assert done["entered_into_guard"] >= 1
        assert shop.subscribed() == {email(2)}
        shop.session.before = shop.session.after = None
        assert shop.sync()["people"] == {"guarded": 1, "already subscribed": 1}


def test_a_job_that_klaviyo_does_long_after_the_run_is_made_good_by_the_next(tmp_path: Path) -> None:
    with running_sandbox(job_seconds=2.5) as account:
        shop = Shop(account, Staging(str(tmp_path / "staging")))
        shop.people(1)
        shop.session.after = lambda: account.suppress(email(1))
        done = shop.stages(shop.run(), patience=0.1, grace=0.1)
        assert done["people"] == {"opted out meanwhile": 1}
        shop.session.after = None
        assert shop.subscribed() == {email(1)}
        assert shop.sync()["unsubscribed_again"] == 1
        assert shop.subscribed() == set()


def test_a_deletion_request_between_the_look_and_the_import_stands(shop: Shop) -> None:
    shop.people(2)
    run = shop.run()
    validate(run)
    consents.guard(run, shop.client())
    deletions = Guard(shop.staging, run.store.klaviyo.connection, "other.privacy_deletion")
    deletions.enter([Entry(email(1), Why.DELETION)])
    shop.client().privacy.request_deletion(email=email(1))
    shop.klaviyo.settled()
    consents.import_(run, shop.client())
    assert shop.subscribed() == {email(2)}


def test_whoever_left_once_they_were_imported_is_told_as_that(shop: Shop) -> None:
    shop.people(1)
    run, client = shop.run(), shop.client()
    validate(run)
    consents.guard(run, client)
    consents.import_(run, client)
    shop.klaviyo.settled()
    shop.klaviyo.suppress(email(1))
    done = consents.confirm(run, client, patience=2, grace=0.2, pauses=(0.02, 0.1))
    assert done["people"] == {"opted out meanwhile": 1}
    assert (done["reasons"], done["mended"]) == ({"Opted out while being imported": 1}, 0)


def test_people_leave_the_watch_after_a_week(shop: Shop) -> None:
    run = shop.run()
    watch, client = Watch(run), shop.client()
    watch.open([email(1)], datetime.now(UTC) - KEPT - timedelta(minutes=1), "list")
    watch.open([email(2)], datetime.now(UTC), "list")
    assert watch.mend(client, consents.guard_of(run)) == []
    assert watch.emails() == {email(2)}


def test_the_guard_keeps_addresses_as_hashes_and_one_line_for_each_reason(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path / "staging"))
    guard, other = (Guard(staging, "klaviyo_default", name) for name in ("a.consents", "b.consents"))
    assert guard.enter([Entry("Ann@Shop.example", "UNSUBSCRIBE", LONG_AGO)]) == 1
    assert guard.enter([Entry("ann@shop.example", "UNSUBSCRIBE", LONG_AGO)]) == 0
    later = LONG_AGO + timedelta(days=1)
    assert guard.enter([Entry("ann@shop.example", "UNSUBSCRIBE", later)]) == 1
    assert other.enter([Entry("ann@shop.example", "HARD_BOUNCE")]) == 1
    noted = other.of(["ann@shop.example", "bob@shop.example"])
    assert {one.why: one.at for one in noted["ann@shop.example"]} == {
        "UNSUBSCRIBE": later,
        "HARD_BOUNCE": None,
    }
    assert noted.keys() == {"ann@shop.example"}
    assert Guard(staging, "another", "a.consents").of(["ann@shop.example"]) == {}
    for file in (tmp_path / "staging").rglob("*"):
        assert not file.is_file() or b"ann@" not in file.read_bytes().lower()


# What may happen, in any order. Numbers are people, or requests after which the process ends.
PERSON = st.integers(1, 5)
STATUSES = st.sampled_from([SOFT_IN, SOFT_OUT, CONFIRMED_IN, CONFIRMED_IN, CONFIRMED_OUT])
RACE = st.none() | st.tuples(st.sampled_from(["before", "after"]), PERSON, st.sampled_from(OPT_OUTS))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("leave"), PERSON, st.sampled_from([*OPT_OUTS, "HARD_BOUNCE"])),
        st.tuples(st.just("netsuite"), PERSON, STATUSES),
        st.tuples(st.just("forget"), PERSON),
        st.tuples(st.just("replay")),
        st.tuples(st.just("wait"), st.sampled_from([60, 3600])),
        st.tuples(st.just("run"), st.none() | st.integers(0, 14), st.booleans(), RACE),
    ),
    min_size=2,
    max_size=8,
)


@pytest.mark.line
@settings(max_examples=25)
@given(steps=STEPS, suppress=st.booleans())
def test_at_the_end_nobody_who_ever_opted_out_is_subscribed(
    server: SandboxAccount,
    tmp_path_factory: pytest.TempPathFactory,
    *,
    steps: list[Any],
    suppress: bool,
) -> None:
    server.clear_faults()
    server.reset()
    shop = Shop(server, Staging(str(tmp_path_factory.mktemp("staging"))), suppress=suppress)
    shop.people(5)
    ever: set[tuple[str, str]] = set()
    last: Run | None = None

    def leave(number: int, reason: str) -> None:
        # Nobody can unsubscribe whom Klaviyo doesn't know.
        url = f"{server.url}/sandbox/suppressions"
        wish = {"email": email(number), "reason": reason}
        if requests.post(url, json=wish, timeout=10).ok:
            ever.add((email(number), reason))

    for name, *details in steps:
        if name == "leave":
            leave(*details)
        elif name == "netsuite":
            number, status = details
            shop.customers[number] = (email(number), status, LONG_AGO)
        elif name == "forget":
            writer = Guard(shop.staging, shop.run().store.klaviyo.connection, "demo.privacy_deletion")
            request_deletions(writer, shop.client(), [email(details[0])])
        elif name == "wait":
            server.settled()
            server.skip_time(details[0])
        else:
            run = last if name == "replay" and last is not None else shop.run()
            ended, answered, race = details if name == "run" else (None, False, None)
            shop.session.left, shop.session.answered = ended, answered
            if race is not None:
                setattr(shop.session, race[0], lambda race=race: leave(*race[1:]))
            with contextlib.suppress(KilledError):
                shop.stages(run, quick=True)
            shop.session.left = shop.session.before = shop.session.after = None
            last = run
    server.settled()
    shop.stages(shop.run(), quick=True)
    assert shop.against_their_will(ever) == set()
    remembered = consents.guard_of(shop.run()).of([email(number) for number in range(1, 6)])
    assert {address for address, _ in ever} <= remembered.keys()


_PROCESS = """
import json, os, signal, sys
sys.path.insert(0, sys.argv[1])
import consents_shop as tests
asked = json.loads(sys.argv[2])
account = tests.SandboxAccount(asked["url"], asked["key"], 0)
shop = object.__new__(tests.Shop)
shop.klaviyo, shop.suppress, shop.contacts = account, False, {}
shop.staging, shop.session = tests.Staging(asked["staging"]), tests.Session()
shop.numbers = iter([asked["number"]])
shop.customers = {n: (tests.email(n), tests.CONFIRMED_IN, tests.LONG_AGO) for n in (1, 2)}
shop.session.left, shop.session.answered = asked["left"], True
try:
    shop.stages(shop.run(), quick=True)
except tests.KilledError:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.line
def test_a_process_that_is_killed_anywhere_leaves_nobody_subscribed_who_left(
    shop: Shop, tmp_path: Path
) -> None:
    shop.people(2)
    ends = Counter[int]()
    for number, left in enumerate((6, 9)):
        asked = {
            "url": shop.klaviyo.url,
            "key": shop.klaviyo.key,
            "staging": str(tmp_path / "staging"),
            "number": number,
            "left": left,
        }
        here = str(Path(__file__).parent)
        done = subprocess.run(
            [sys.executable, "-c", _PROCESS, here, json.dumps(asked)], check=False, timeout=60, env=os.environ
        )
        ends[done.returncode] += 1
        assert f"POST {SUBSCRIBE}" in shop.klaviyo.state()["requests"]
        shop.klaviyo.suppress(email(1))
        shop.klaviyo.settled()
    assert ends[-signal.SIGKILL] >= 1
    shop.sync()
    assert shop.subscribed() <= {email(2)}


def test_klaviyo_that_does_not_unsubscribe_is_told(shop: Shop) -> None:
    run = shop.run()
    shop.people(1)
    shop.sync()
    shop.klaviyo.fault("error_503", times=99, endpoint="POST /api/profile-subscription-bulk-delete-jobs")
    Watch(run).open([email(1)], datetime.now(UTC) - timedelta(hours=1), "list")
    consents.guard_of(run).enter([Entry(email(1), Why.DELETION)])
    with pytest.raises(KlaviyoFaultError):
        Watch(run).mend(shop.client(), consents.guard_of(run))


def test_refused_rows_say_why(shop: Shop) -> None:
    shop.customers = {1: (email(1), SOFT_IN, None)}
    run = shop.run()
    shop.stages(run)
    [line] = [
        line for batch in run.staging.dataset(*run.place, "refused").batches() for line in batch.to_pylist()
    ]
    assert line.keys() == set(REJECTED.names)
    assert (line["id"], line["reasons"]) == (1, ["Soft opt-in: only confirmed opt-ins are imported"])


ROOT = Path(__file__).resolve().parents[2]


def test_nothing_else_in_the_product_calls_what_subscribes() -> None:
    """Only Klaviyo's consent module knows the endpoint and the word, and only this flow calls it."""
    product = [
        path
        for folder in ("include/netsuite_connector", "dags", "plugins")
        for path in (ROOT / folder).rglob("*.py")
        if "sandbox" not in path.parts and "demo" not in path.parts
    ]
    assert len(product) > 100

    def holding(*words: str) -> set[str]:
        return {path.name for path in product if any(word in path.read_text() for word in words)}

    assert holding("subscription-bulk-create", '"consent": "SUBSCRIBED"', "historical_import") == {
        "consent.py"
    }
    assert {
        path.relative_to(ROOT).as_posix() for path in product if ".import_opt_ins(" in path.read_text()
    } == {"include/netsuite_connector/flows/consents.py"}
    # Being added to a list, or freed from a suppression, would be other ways.
    assert holding("relationships/profiles", "suppression-bulk-delete") == set()


def test_a_deletion_must_be_confirmed_with_the_number_of_people() -> None:
    asked = ["Ann@Shop.example ", "bob@shop.example", "ann@shop.example", ""]
    assert check_request(asked, "ticket 7", "DELETE 2") == ["ann@shop.example", "bob@shop.example"]
    for addresses_, reason, confirm in (
        (asked, "ticket 7", "DELETE 3"),
        (asked, "ticket 7", "delete 2"),
        (asked, "ticket 7", ""),
        (asked, " ", "DELETE 2"),
        ([], "ticket 7", "DELETE 0"),
        (["ann@shop.example", "nobody"], "ticket 7", "DELETE 2"),
        ([f"a{number}@shop.example" for number in range(101)], "ticket 7", "DELETE 101"),
    ):
        with pytest.raises(MendError) as told:
            check_request(addresses_, reason, confirm)
        assert "shop.example" not in str(told.value)


def test_a_deletion_is_done_as_often_as_it_is_asked_and_shows_nobody(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.people(2)
    shop.sync()
    guard = Guard(shop.staging, shop.run().store.klaviyo.connection, "demo.privacy_deletion")
    with caplog.at_level("INFO"):
        first = request_deletions(guard, shop.client(), [email(1)])
        again = request_deletions(guard, shop.client(), [email(1)])
    assert (first, again) == ({"requested": 1, "new_in_guard": 1}, {"requested": 1, "new_in_guard": 0})
    assert email(1) not in caplog.text
    shop.klaviyo.settled()
    assert shop.klaviyo.state()["deleted"] == 1
    # NetSuite still has the opt-in; neither the run nor a new profile brings it back.
    shop.profiles(1)
    assert shop.sync()["people"] == {"guarded": 1, "already subscribed": 1}
    assert shop.subscribed() == {email(2)}
