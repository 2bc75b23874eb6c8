"""What leaves the catalog, worked out of the ledger and what a run has seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest
from test_domains_catalog import SITE

from netsuite_connector.domains.catalog import ITEMS, VARIANTS
from netsuite_connector.domains.gone import gone_items, gone_variants, leaving
from netsuite_connector.domains.model import Known

Rows = dict[str, list[tuple[int, bool, bool]]]


def known(
    ledger: dict[str, list[tuple[int, int]]],
    extracted: Rows | None = None,
    deleted: tuple[int | None, ...] = (),
    *,
    whole: bool = False,
) -> Known:
    """``extracted`` rows are (id, inactive, online), ledger lines (id, sub)."""

    def lines(name: str) -> Iterator[pa.RecordBatch]:
        found = ledger.get(name, [])
        yield pa.RecordBatch.from_pydict(
            {
                "id": pa.array([id_ for id_, _ in found], pa.int64()),
                "sub": pa.array([sub for _, sub in found], pa.int64()),
            }
        )

    def rows(name: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        for id_, inactive, online in (extracted or {}).get(name, []):
            row = {"internalid": [id_], "isinactive": [inactive], "isonline": [online]}
            yield pa.RecordBatch.from_pydict(row).select(columns)

    nothing: Callable[[str], Iterator[pa.RecordBatch]] = lambda _: iter(())  # noqa: E731
    gone = pa.RecordBatch.from_pydict({"internalid": pa.array(deleted, pa.int64())})
    return Known(
        extracted=rows,
        valid=nothing,
        mapped=rows,
        deleted=lambda name: iter([gone] if name == "items" else []),
        ledger=lines,
        site=lambda _: SITE,
        whole=whole,
    )


def items(what: Known, *, delete: bool = False) -> list[int]:
    return [id_ for made in gone_items(leaving(ITEMS, delete=delete), what) for id_ in made.id]


def variants(what: Known, *, delete: bool = False) -> list[int]:
    source = leaving(VARIANTS, delete=delete)
    return [id_ for made in gone_variants(source, what, with_items=delete) for id_ in made.id]


LEDGER = {"items": [(1, 0), (2, 0), (3, 0)], "variants": [(1, 1), (21, 2), (22, 2), (3, 3)]}


def test_only_what_was_delivered_can_leave() -> None:
    assert items(known({}, {"items": [(1, True, True)]})) == []
    assert items(known(LEDGER, {"items": [(9, True, True)]}, deleted=(8, None))) == []


def test_inactive_offline_and_deleted_items_leave() -> None:
    rows: Rows = {"items": [(1, True, True), (2, False, True)], "variants": [(21, False, False)]}
    what = known(LEDGER, rows, deleted=(3,))
    assert items(what) == [1, 3]
    assert variants(what) == [1, 21, 3]


def test_what_a_whole_run_does_not_see_leaves_and_what_a_part_does_not_stays() -> None:
    rows: Rows = {"items": [(1, False, True)], "variants": [(21, False, True)]}
    assert items(known(LEDGER, rows, whole=True)) == [2, 3]
    assert variants(known(LEDGER, rows, whole=True)) == [22, 3]
    assert items(known(LEDGER, rows)) == variants(known(LEDGER, rows)) == []


def test_deleting_an_item_takes_its_variants_and_unpublishing_leaves_them() -> None:
    rows: Rows = {"items": [(2, True, True)]}
    assert variants(known(LEDGER, rows)) == []
    assert variants(known(LEDGER, rows), delete=True) == [21, 22]


@pytest.mark.parametrize("delete", [False, True])
def test_leaving_is_unpublishing_or_deletion_in_the_ledger_of_its_source(delete: bool) -> None:  # noqa: FBT001
    source = leaving(ITEMS, delete=delete)
    assert source.ledger_of == "items"
    [made] = gone_items(source, known(LEDGER, deleted=(2,)))
    assert (made.key, made.sub, made.rows) == (["2"], [0], [0])
    element = {"type": "catalog-item", "id": "$custom:::$default:::2"}
    changed = {} if delete else {"attributes": {"published": False}}
    assert json.loads(made.payload[0]) == element | changed
