"""RESTlet answers as bytes, made up on the spot: what the line is fed with when no network is measured."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import orjson

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.model import Source
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.netsuite.info import Column, SearchInfo, SearchTitle
from netsuite_connector.netsuite.page import Page, page_of

PAGE_ROWS = 5_000
_AREAS = (212, 213, 305, 312, 404, 415, 512, 617, 702, 713, 801, 917)
_STATES = ("CA", "NY", "TX", "FL", "WA", "IL", "MA", "CO")
_LEVELS = ("Base Price", "Online Price", "Wholesale", "VIP")


def _column(key: str, type_: str = "text") -> dict[str, Any]:
    name, _, join = reversed(key.partition(".")) if "." in key else (key, "", None)
    return {"key": key, "name": name, "join": join, "label": key, "type": type_}


CUSTOMER_COLUMNS = [
    _column("internalid", "integer"),
    _column("entityid"),
    _column("firstname"),
    _column("lastname"),
    _column("companyname"),
    _column("email"),
    _column("phone"),
    _column("mobilephone"),
    _column("globalsubscriptionstatus", "select"),
    _column("pricelevel", "select"),
    _column("stage", "select"),
    _column("isperson", "boolean"),
    _column("city"),
    _column("state"),
    _column("zipcode"),
    _column("countrycode"),
    _column("datecreated", "datetime"),
]
ORDER_COLUMNS = [
    _column("internalid", "integer"),
    _column("lineuniquekey", "integer"),
    _column("tranid"),
    _column("type", "select"),
    _column("datecreated", "datetime"),
    _column("total", "number"),
    _column("customermain.email"),
    _column("statusref", "select"),
    _column("currency", "select"),
    _column("shipcity"),
    _column("shipcountrycode"),
    _column("item", "select"),
    _column("quantity", "number"),
    _column("rate", "number"),
    _column("amount", "number"),
    _column("memo"),
    _column("item.displayname"),
    _column("item.salesdescription"),
    _column("item.type", "select"),
    _column("item.quantityavailable", "number"),
    _column("item.parent", "select"),
    _column("item.baseprice", "number"),
    _column("item.urlcomponent"),
]


def _phone(dice: random.Random) -> str:
    """A valid American number in one of the ways people write it."""
    area, office, line = dice.choice(_AREAS), dice.randint(200, 999), dice.randint(0, 9999)
    office = 555 if office % 100 == 11 else office
    return dice.choice(("({}) {}-{:04}", "{}-{}-{:04}", "{}.{}.{:04}", "+1 {} {} {:04}")).format(
        area, office, line
    )


def _select(ids: list[str], texts: tuple[str, ...]) -> dict[str, list[str]]:
    return {"id": ids, "text": [texts[int(id_) - 1] for id_ in ids]}


def _customers(first: int, count: int, *, phones: bool) -> list[Any]:
    dice = random.Random(first)
    ids = range(first, first + count)
    nothing: list[str | None] = [None] * count
    return [
        list(ids),
        [f"CUST{id_} Jane Doe" for id_ in ids],
        [f"Jane{id_ % 977}" for id_ in ids],
        [f"Doe{id_ % 1913}" for id_ in ids],
        nothing,
        # Two in a hundred rows share an address, and three in a hundred have none.
        [None if id_ % 33 == 0 else f"jane.doe{id_ - id_ % 100 // 98}@shopper.example" for id_ in ids],
        [_phone(dice) for _ in ids] if phones else nothing,
        nothing,
        _select(
            [str(id_ % 4 + 1) for id_ in ids],
            ("Soft Opt-In", "Soft Opt-Out", "Confirmed Opt-In", "Confirmed Opt-Out"),
        ),
        _select([str(id_ % 4 + 1) for id_ in ids], _LEVELS),
        {"id": ["CUSTOMER"] * count, "text": ["Customer"] * count},
        [id_ % 5 > 0 for id_ in ids],
        [f"City {id_ % 411}" for id_ in ids],
        [_STATES[id_ % 8] for id_ in ids],
        [f"{id_ % 99999:05}" for id_ in ids],
        ["US"] * count,
        [f"20{20 + id_ % 6}-0{id_ % 9 + 1}-1{id_ % 10}T0{id_ % 10}:3{id_ % 10}:00Z" for id_ in ids],
    ]


def _order_lines(first: int, count: int) -> list[Any]:
    lines = range(first, first + count)
    orders = [line // 3 for line in lines]
    skus = [f"SKU-{line % 5003}" for line in lines]
    return [
        orders,
        list(lines),
        [f"SO{order}" for order in orders],
        {"id": ["SalesOrd"] * count, "text": ["Sales Order"] * count},
        [
            f"20{20 + order % 6}-0{order % 9 + 1}-1{order % 10}T0{order % 10}:3{order % 10}:00Z"
            for order in orders
        ],
        [59.85] * count,
        [f"jane.doe{order % 400_009}@shopper.example" for order in orders],
        {"id": ["pendingFulfillment"] * count, "text": ["Pending Fulfillment"] * count},
        {"id": ["1"] * count, "text": ["USD"] * count},
        [f"City {order % 411}" for order in orders],
        ["US"] * count,
        {"id": [str(line % 5003) for line in lines], "text": skus},
        [line % 4 + 1 for line in lines],
        [19.95] * count,
        [19.95 * (line % 4 + 1) for line in lines],
        [None] * count,
        [f"Merino crew neck {line % 5003}" for line in lines],
        [f"Soft merino wool, number {line % 5003}" for line in lines],
        {"id": ["InvtPart"] * count, "text": ["Inventory Item"] * count},
        [line % 40 for line in lines],
        {"id": [None] * count, "text": [None] * count},
        [19.95] * count,
        [f"merino-{line % 5003}" for line in lines],
    ]


def _as_sent(entry: Any) -> Any:
    """A column as the RESTlet sends it: values that repeat once, with the place of each row's, where that
    takes fewer bytes.
    """
    pairs = isinstance(entry, dict)
    cells = list(zip(entry["id"], entry["text"], strict=True)) if pairs else entry
    empty = (None, None) if pairs else None
    places = {
        cell: place for place, cell in enumerate(dict.fromkeys(cell for cell in cells if cell != empty))
    }
    at = [places.get(cell) for cell in cells]
    lists = {"id": [id_ for id_, _ in places], "text": [text for _, text in places]} if pairs else None
    shared = {**(lists or {"values": list(places)}), "at": at}
    return shared if len(orjson.dumps(shared)) < len(orjson.dumps(entry)) else entry


class PageClient:
    """Stands where the RESTlet would answer: gives pages decoded from their bytes. ``waited`` is the time
    spent on making bytes up.
    """

    def __init__(self, source: Source, rows: int, *, phones: bool = True) -> None:
        self._source = source
        self._rows = rows
        self._phones = phones
        self._columns = ORDER_COLUMNS if source.record_type == "transaction" else CUSTOMER_COLUMNS
        self.waited = 0.0
        self.bytes = 0

    def describe(self, search: str) -> SearchInfo:
        """The columns that the pages have."""
        columns = tuple(
            Column(each["key"], each["name"], each["join"], each["label"], ColumnType(each["type"]))
            for each in self._columns_of(search)
        )
        lines = columns[1].key == "lineuniquekey"
        return SearchInfo(SearchTitle(search, None, self._source.record_type), columns, lines)

    def _columns_of(self, search: str) -> list[dict[str, Any]]:
        """The columns of the rows, and for a search of another source those that it can't do without."""
        if search == self._source.search:
            return self._columns
        sources = (source for domain in DOMAINS.values() for source in domain.extracted)
        asked = next(source for source in sources if source.search == search)
        there = {column["key"] for column in self._columns}
        more = (field for field in asked.mandatory if field.name not in there)
        return [*self._columns, *(_column(field.name, field.type) for field in more)]

    def pages(self, search: str, *_: Any, **__: Any) -> Iterator[Page]:
        """All pages; a search of another source has one without rows."""
        step = 15_000 if self._source.record_type == "transaction" else PAGE_ROWS
        rows = self._rows if search == self._source.search else 0
        for first in range(3, rows + 3, step) if rows else (3,):
            count = min(step, rows + 3 - first)
            began = time.process_time()
            body = self._answer(first, count) if rows else self._empty(search)
            self.waited += time.process_time() - began
            self.bytes += len(body)
            yield page_of(orjson.loads(body), len(body), search)

    def _empty(self, search: str) -> bytes:
        columns = self._columns_of(search)
        values = [
            {"id": [], "text": []} if column["type"] in {"select", "multiselect"} else []
            for column in columns
        ]
        return self._page(columns, values, 0)

    def _answer(self, first: int, count: int) -> bytes:
        values = (
            _order_lines(first, count)
            if self._source.record_type == "transaction"
            else _customers(first, count, phones=self._phones)
        )
        return self._page(
            self._columns, [_as_sent(entry) for entry in values], count, values[0][-1] if count else None
        )

    @staticmethod
    def _page(columns: list[dict[str, Any]], values: list[Any], count: int, last: int | None = None) -> bytes:
        return orjson.dumps(
            {
                "format": 1,
                "usage": 15,
                "columns": columns,
                "rows": count,
                "values": values,
                "cursor": last,
                "done": True,
                "stopped": "end",
            }
        )
