"""The demo's own reckoning of parcels that leave in another order than they were packed."""

from __future__ import annotations

from typing import Any

from netsuite_connector.demo import expected_orders


def record(id_: int, type_: str, status: str, of: int | None = None) -> dict[str, Any]:
    line = {"kind": "item", "item": "7", "quantity": 2, "amount": 20.0, "lineuniquekey": id_ * 10}
    header = {"type": type_, "status": f"{type_}:{status}", "createdfrom": of and str(of), "total": 21.6}
    header |= {"datecreated": f"2026-05-0{id_}T12:00:00Z", "website": None, "entity": "5"}
    return {"internalid": id_, "lines": [line]} | header


def fulfilled(*held: int) -> dict[str, str]:
    """The parcels 2 to 4 of a shipped order, by the names of their events, and the days of these."""
    parcels = [record(id_, "ItemShip", "C", of=1) for id_ in (2, 3, 4)]
    names = [f"Partially Fulfilled Order netsuite-{id_}" for id_ in held]
    person = {"internalid": 5, "email": "x@y.example"}
    found = expected_orders.events([record(1, "SalesOrd", "F"), *parcels], [person], names)
    return {name: event["time"][:10] for name, event in found.items() if "Fulfilled" in name}


WHOLE = "Fulfilled Order netsuite-1-fulfilled"


def test_the_last_parcel_that_is_not_held_as_a_part_completes_the_order() -> None:
    assert fulfilled()[WHOLE] == fulfilled(2, 3)[WHOLE] == "2026-05-04"
    assert fulfilled(4)[WHOLE] == "2026-05-03"
    assert fulfilled(3, 4)[WHOLE] == "2026-05-02"
    assert len(fulfilled(3, 4)) == 3


def test_one_parcel_must_complete_it() -> None:
    assert fulfilled(2, 3, 4)[WHOLE] == "2026-05-04"
