"""The page that shows people what the account holds. It needs nothing from elsewhere and runs no script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

_Cells = Sequence[object]


def render(state: Mapping[str, Any], latest: Mapping[str, list[dict[str, Any]]]) -> str:
    """The whole page. ``latest`` holds the newest rows of each dump; every value is escaped."""
    template = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    return template.replace("<!-- content -->", "\n".join(_sections(state, latest)))


def _sections(state: Mapping[str, Any], latest: Mapping[str, list[dict[str, Any]]]) -> Iterable[str]:
    requests = state["requests"]
    throttled = sum(one["throttled"] for one in requests.values())
    yield _tiles(
        ("Profiles", state["profiles"], ""),
        (
            "Events",
            state["events"],
            f"{state['events_repeated']:,} repeated, {state['events_dropped']:,} dropped",
        ),
        ("Flows woken", state["flows_woken"], "events without backfill"),
        ("Items", state["items"], f"{state['variants']:,} variants, {state['categories']:,} categories"),
        ("Requests", sum(one["requests"] for one in requests.values()), f"{throttled:,} throttled"),
        ("Jobs", sum(state["jobs"].values()), "all done" if state["idle"] else "working"),
    )
    yield _table(
        "Events per metric",
        ("Metric", "Events", "Value", "Backfilled", "Flows woken", "First", "Last"),
        (
            (
                one["name"],
                one["events"],
                f"{one['value']:,.2f}",
                one["backfilled"],
                one["flows_woken"],
                one["first"],
                one["last"],
            )
            for one in state["metrics"]
        ),
        numbers=(1, 2, 3, 4),
    )
    yield _table(
        "Latest profiles",
        ("E-mail", "Phone", "External id", "Name", "Properties", "Updated"),
        (
            (
                one["email"], one["phone_number"], one["external_id"],
                " ".join(part for part in (one.get("first_name"), one.get("last_name")) if part),
                len(one.get("properties", {})), one["updated"],
            )
            for one in latest["profiles"]
        ),
        numbers=(4,),
    )  # fmt: skip
    yield _table(
        "Latest events",
        ("Metric", "Profile", "Unique id", "Value", "When"),
        (
            (one["metric"], one["email"] or one["profile_id"], one["unique_id"], _money(one), one["datetime"])
            for one in latest["events"]
        ),
        numbers=(3,),
    )
    yield _table(
        "Latest catalog items",
        ("Id", "Title", "Price", "Published", "Updated"),
        (
            (one["external_id"], one["title"], one["price"], one["published"], one["updated"])
            for one in latest["items"]
        ),
        numbers=(2,),
    )
    yield _table(
        "Latest catalog variants",
        ("Id", "Item", "Title", "SKU", "Price", "In stock"),
        (
            (
                one["external_id"],
                one["item"],
                one["title"],
                one["sku"],
                one["price"],
                one["inventory_quantity"],
            )
            for one in latest["variants"]
        ),
        numbers=(4, 5),
    )
    yield _table(
        "Latest catalog alerts",
        ("Flow", "Id", "From", "To", "Notified", "When"),
        (
            (one["flow"], one["id"], one["from"], one["to"], len(one["notified"]), one["at"])
            for one in latest["alerts"]
        ),
        numbers=(2, 3, 4),
    )
    if state["feeds"]:
        yield _table(
            "Catalog feeds",
            ("Address", "Read", "Taken", "Refused", "Problem"),
            (
                (one["url"], one.get("polled"), one.get("taken"), one.get("refused"), one.get("problem"))
                for one in state["feeds"]
            ),
            numbers=(2, 3),
        )
    yield _table(
        "Latest jobs",
        ("Job", "Kind", "Status", "Rows", "Done", "Failed", "Created"),
        (
            (
                one["id"],
                one["kind"],
                one["status"],
                one["total"],
                one["done"],
                one["failed"],
                one["created_at"],
            )
            for one in state["latest_jobs"]
        ),
        numbers=(3, 4, 5),
    )
    yield _table(
        "Requests per endpoint",
        ("Endpoint", "Requests", "Throttled", "Answers"),
        (
            (
                name,
                one["requests"],
                one["throttled"],
                ", ".join(f"{code}: {number:,}" for code, number in one["statuses"].items()),
            )
            for name, one in requests.items()
        ),
        numbers=(1, 2),
    )
    yield _table(
        "Consent log",
        ("When", "Profile", "Channel", "Action", "Lifted", "List", "Method"),
        (
            (
                one["at"], one["email"] or one["profile_id"] or "unknown", one["channel"], one["action"],
                ", ".join(one["lifted"]), one["list"], one["method"],
            )
            for one in latest["consents"]
        ),
    )  # fmt: skip


def _tiles(*tiles: tuple[str, int, str]) -> str:
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{number:,}<small>{escape(note)}</small></dd></div>"
        for name, number, note in tiles
    )
    return f"<dl class=tiles>{items}</dl>"


def _table(title: str, heads: Sequence[str], rows: Iterable[_Cells], *, numbers: Sequence[int] = ()) -> str:
    body = "".join(f"<tr>{_cells(row, numbers)}</tr>" for row in rows)
    if not body:
        return f"<section><h2>{escape(title)}</h2><p class=none>Nothing yet.</p></section>"
    columns = "".join(
        f"<th scope=col{' class=n' if place in numbers else ''}>{escape(head)}</th>"
        for place, head in enumerate(heads)
    )
    name = escape(title)
    return (
        f'<section><h2>{name}</h2><div class=scroll tabindex=0 role=region aria-label="{name}">'
        f"<table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _cells(row: _Cells, numbers: Sequence[int]) -> str:
    return "".join(
        f"<td{' class=n' if place in numbers else ''}>{escape(_text(value))}</td>"
        for place, value in enumerate(row)
    )


def _text(value: object) -> str:
    if value is None or value == "":
        return "–"  # noqa: RUF001 - a dash for people
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _money(event: Mapping[str, Any]) -> str:
    if event["value"] is None:
        return ""
    return f"{event['value']:,.2f} {event['value_currency'] or ''}".strip()
