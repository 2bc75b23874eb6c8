"""The outbox is read in order and emptied id by id; what nobody fetches is cleaned away after some days."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from suitecloud_account import OUTBOX, ask, call, entries
from suitecloud_project import PROJECT

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox

CLEANING = "customscript_nsk_outbox_cleaning"


def write(account: SandboxAccount, *records: int, event: str = "edit") -> list[int]:
    """Entries about customers; returns their ids."""
    made = [
        account.create(
            OUTBOX,
            custrecord_nsk_out_type="customer",
            custrecord_nsk_out_record=record,
            custrecord_nsk_out_event=event,
            custrecord_nsk_out_at="2026-11-20T10:00:00Z",
        )
        for record in records
    ]
    return [int(each["internalid"]) for each in made]


def test_entries_come_in_the_order_of_their_ids_and_stay(account: SandboxAccount) -> None:
    ids = write(account, 7, 5, 7)
    first = ask(account, "outbox")
    assert first["entries"] == [
        {
            "id": id_,
            "type": "customer",
            "record": record,
            "event": "edit",
            "into": None,
            "at": "2026-11-20T10:00:00Z",
        }
        for id_, record in zip(ids, (7, 5, 7), strict=True)
    ]
    assert first["left"] == 0
    assert ask(account, "outbox")["entries"] == first["entries"]


def test_an_empty_outbox(account: SandboxAccount) -> None:
    answer = ask(account, "outbox")
    assert (answer["entries"], answer["left"]) == ([], 0)


@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
def test_parts_make_the_whole(account: SandboxAccount, limit: int) -> None:
    ids = write(account, *range(1, 8))
    seen: list[int] = []
    while True:
        answer = ask(account, "outbox", limit=limit, **({"after": seen[-1]} if seen else {}))
        seen += [each["id"] for each in answer["entries"]]
        assert len(answer["entries"]) <= limit
        assert answer["left"] == len(ids) - len(seen)
        if not answer["left"]:
            break
    assert seen == ids


def test_only_acknowledged_entries_go(account: SandboxAccount) -> None:
    ids = write(account, 1, 2, 3, 4)
    answer = ask(account, "acknowledge", ids=[ids[1], ids[3]])
    assert (answer["acknowledged"], answer["left"]) == (2, [])
    assert [each["id"] for each in entries(account)] == [ids[0], ids[2]]


def test_acknowledging_twice_is_as_once(account: SandboxAccount) -> None:
    ids = write(account, 1, 2)
    assert ask(account, "acknowledge", ids=[ids[0], ids[0]])["acknowledged"] == 1
    again = ask(account, "acknowledge", ids=ids)
    assert (again["acknowledged"], again["left"]) == (2, [])
    assert entries(account) == []


def test_an_entry_that_shows_late_with_a_lower_id_is_not_lost(account: SandboxAccount) -> None:
    late, seen = write(account, 1, 2)
    account.clear(OUTBOX)
    account.load(OUTBOX, [{"internalid": seen, **values(2)}])
    assert [each["id"] for each in entries(account)] == [seen]
    # The longer save ends only now.
    account.load(OUTBOX, [{"internalid": late, **values(1)}])
    ask(account, "acknowledge", ids=[seen])
    assert [each["id"] for each in entries(account)] == [late]


def test_entries_that_arrive_meanwhile_stay(account: SandboxAccount) -> None:
    taken = [each["id"] for each in entries(account)] + write(account, 1, 2)
    arrived = write(account, 1)
    ask(account, "acknowledge", ids=taken)
    assert [each["id"] for each in entries(account)] == arrived


def test_what_the_units_do_not_allow_is_handed_back(account: SandboxAccount) -> None:
    ids = write(account, *range(1, 31))
    account.settings(units=160)
    left, calls = ids, 0
    while left:
        answer = ask(account, "acknowledge", ids=left)
        assert answer["usage"] <= 160
        assert answer["acknowledged"] == len(left) - len(answer["left"]) > 0
        left, calls = answer["left"], calls + 1
    assert calls > 1
    account.settings(units=5000)
    assert entries(account) == []


@pytest.fixture
def clinging(tmp_path: Path) -> Iterator[SandboxAccount]:
    """An account that does not delete its entries 2 and 4."""
    project = tmp_path / "suitecloud"
    shutil.copytree(PROJECT.parent, project)
    script = project / "src/FileCabinet/SuiteScripts/nsk/lib_outbox.js"
    before = "record.delete({ type: TYPE, id });"
    fails = "if (id === 2 || id === 4) { throw { name: 'NO_WAY', message: 'Not this one.' }; }"
    text = script.read_text()
    assert text.count(before) == 1
    script.write_text(text.replace(before, f"{fails} {before}"))
    with running_sandbox("--suitecloud", str(project)) as account:
        yield account


def test_an_entry_that_can_not_be_deleted_holds_back_none_behind_it(clinging: SandboxAccount) -> None:
    assert write(clinging, *range(11, 16)) == [1, 2, 3, 4, 5]
    answer = ask(clinging, "acknowledge", ids=[1, 2, 3, 4, 5])
    assert (answer["acknowledged"], answer["left"]) == (3, [])
    assert (answer["failed"], answer["reason"]) == ([2, 4], "NO_WAY: Not this one.")
    assert [each["id"] for each in entries(clinging)] == [2, 4]
    told = clinging.log()[-1]
    assert (told["level"], told["title"]) == ("ERROR", "Outbox entries not deleted")
    assert told["details"] == "2: 2, 4; the last one: NO_WAY: Not this one."


@pytest.mark.parametrize(
    ("action", "arguments", "named"),
    [
        ("acknowledge", {}, "ids"),
        ("acknowledge", {"ids": "7"}, "ids"),
        ("acknowledge", {"ids": ["7"]}, "ids"),
        ("acknowledge", {"ids": [0]}, "ids"),
        ("acknowledge", {"ids": list(range(1, 1002))}, "ids"),
        ("outbox", {"limit": 1001}, "limit"),
        ("outbox", {"limit": 0}, "limit"),
        ("outbox", {"after": "x"}, "after"),
    ],
)
def test_malformed_calls_are_refused_by_name(
    account: SandboxAccount, action: str, arguments: dict[str, Any], named: str
) -> None:
    answer = call(account, action, **arguments)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "NSK_BAD_REQUEST"
    assert named in answer.json()["error"]["message"]


def values(record: int, **more: Any) -> dict[str, Any]:
    return {
        "custrecord_nsk_out_type": "customer",
        "custrecord_nsk_out_record": record,
        "custrecord_nsk_out_event": "edit",
        "custrecord_nsk_out_at": "2026-11-20T10:00:00Z",
        "isinactive": False,
        **more,
    }


def ago(days: float) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:00Z}"


def test_cleaning_takes_entries_older_than_fourteen_days(account: SandboxAccount) -> None:
    ages = {101: 40.0, 102: 14.5, 103: 13.5, 104: 0.0}
    account.load(
        OUTBOX, [{"internalid": id_, **values(id_, created=ago(days))} for id_, days in ages.items()]
    )
    outcome = account.run_script(CLEANING)
    assert (outcome["errors"], outcome["calls"]["map"], outcome["units"]) == ([], 2, 8)
    assert [each["id"] for each in entries(account)] == [103, 104]
    again = account.run_script(CLEANING)
    assert (again["errors"], again["calls"]["map"]) == ([], 0)


def test_how_long_entries_are_kept_is_a_parameter(account: SandboxAccount) -> None:
    account.load(OUTBOX, [{"internalid": id_, **values(id_, created=ago(id_))} for id_ in (2, 4, 20)])
    assert account.run_script(CLEANING, custscript_nsk_keep_days=3)["errors"] == []
    assert [each["id"] for each in entries(account)] == [2]
    # A mistake must not empty the outbox.
    account.run_script(CLEANING, custscript_nsk_keep_days=0)
    assert [each["id"] for each in entries(account)] == [2]


def test_cleaning_leaves_a_line_in_the_log(account: SandboxAccount) -> None:
    account.run_script(CLEANING)
    told = [each for each in account.log() if each["script"] == CLEANING]
    assert (told[-1]["level"], told[-1]["title"]) == ("AUDIT", "Outbox cleaned")
    assert "0 failed" in told[-1]["details"]
