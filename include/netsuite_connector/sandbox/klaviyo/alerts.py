"""What the flows of the catalog notice: stock that comes back, prices that fall, and who waits for that."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.checks import check_count, profile_problems
from netsuite_connector.sandbox.klaviyo.database import Database, dump, load
from netsuite_connector.sandbox.klaviyo.identifiers import profile_id
from netsuite_connector.sandbox.klaviyo.people import People, identity_of
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, invalid, not_found

_PROFILE: Final = "/data/attributes/profile/data"


class CatalogFlow(StrEnum):
    """The flows that watch the catalog."""

    BACK_IN_STOCK = "back_in_stock"
    PRICE_DROP = "price_drop"


def watch(
    database: Database, row: sqlite3.Row, former: Mapping[str, Any], present: Mapping[str, Any], now: float
) -> None:
    """Notes what a change of a catalog resource means to the flows. ``row`` is its row before the change.

    Stock that rises from nothing notifies everybody who waits for the variant, and they wait no longer.
    """
    was, is_now = former.get("inventory_quantity"), present.get("inventory_quantity")
    if was is not None and is_now is not None and was <= 0 < is_now:
        notified = _release(database, row["id"])
        _note(database, row, (now, CatalogFlow.BACK_IN_STOCK.value, was, is_now, notified))
    was, is_now = former.get("price"), present.get("price")
    if was is not None and is_now is not None and is_now < was:
        _note(database, row, (now, CatalogFlow.PRICE_DROP.value, was, is_now, []))


def alert_of(row: sqlite3.Row) -> dict[str, Any]:
    """An alert as the keeper sees it, without its moment."""
    return {
        "flow": row["flow"],
        "type": row["kind"],
        "id": row["subject"],
        "from": row["former"],
        "to": row["present"],
        "notified": [profile_id(seq) for seq in load(row["notified"])],
    }


def _release(database: Database, variant: str) -> list[int]:
    """Those who wait for a variant, who wait no longer."""
    rows = database.rows("SELECT profile FROM waiting WHERE variant = ? ORDER BY at, profile", (variant,))
    database.change("DELETE FROM waiting WHERE variant = ?", (variant,))
    return [row["profile"] for row in rows]


def _note(database: Database, row: sqlite3.Row, alert: tuple[float, str, float, float, list[int]]) -> None:
    at, flow, former, present, notified = alert
    database.insert(
        "INSERT INTO alerts (at, flow, kind, subject, former, present, notified) VALUES (?,?,?,?,?,?,?)",
        (at, flow, row["kind"], row["id"], former, present, dump(notified).decode()),
    )


def _subscribe(account: Account, call: Call) -> Answer:
    data = call.body["data"]
    check_count(data["attributes"]["channels"], 4, "channel", "/data/attributes/channels")
    profile = (data["attributes"].get("profile") or {}).get("data")
    if profile is None or identity_of(profile).empty:
        raise Refusal(invalid("An identifier of the profile is required.", _PROFILE))
    problems = list(profile_problems(profile, _PROFILE, largest=None))
    if problems:
        raise Refusal(*problems)
    variant = data["relationships"]["variant"]["data"]["id"]
    if (
        account.database.row("SELECT 1 FROM catalog WHERE kind = 'catalog-variant' AND id = ?", (variant,))
        is None
    ):
        detail = "The variant of the subscription does not exist."
        pointer = "/data/relationships/variant/data/id"
        raise Refusal(Problem(404, "variant_not_found", "Variant not found.", detail, pointer=pointer))
    people = People(account.database, account.clock.now())
    identity = identity_of(profile)
    people.load([identity])
    person = people.ensure(identity, create=True)
    if person is None:
        raise Refusal(not_found("profile", profile["id"]))
    people.save()
    account.database.change(
        "INSERT OR REPLACE INTO waiting VALUES (?,?,?,?)",
        (variant, person.seq, ",".join(data["attributes"]["channels"]), people.now),
    )
    return Answer(202)


HANDLERS: Final[dict[str, Handler]] = {"create_back_in_stock_subscription": _subscribe}
