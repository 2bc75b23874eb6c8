"""What is added to the rows of items: prices, images, categories, and whether they stand alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_domains_catalog import SITE

from netsuite_connector.domains.along import Along
from netsuite_connector.domains.catalog import ITEMS, VARIANTS
from netsuite_connector.domains.catalog_rows import CatalogRows
from netsuite_connector.domains.categories import categories, category_records
from netsuite_connector.domains.images import Images
from netsuite_connector.domains.model import Source
from netsuite_connector.domains.prices import prices
from netsuite_connector.errors import MendError

PRICE_COLUMNS = pa.schema(
    [
        ("internalid", pa.int64()),
        ("pricing.unitprice", pa.float64()),
        ("pricing.currency", pa.string()),
        ("pricing.customer", pa.string()),
        ("pricing.minimumquantity", pa.float64()),
    ]
)


def price_rows(*rows: tuple[int, float | None, str, str | None, float | None]) -> Along:
    dicts = [dict(zip(PRICE_COLUMNS.names, row, strict=True)) for row in rows]
    return Along(iter([pa.RecordBatch.from_pylist(dicts, schema=PRICE_COLUMNS)]))


def test_the_price_is_that_of_the_lowest_quantity_and_nobodys_own() -> None:
    lookup = price_rows(
        (1, 9.0, "1", None, 10),
        (1, 10.0, "1", None, 0),
        (1, 2.0, "1", "77", 0),
        (2, 5.0, "1", None, None),
        (3, None, "1", None, 0),
    )
    assert prices(np.array([1, 2, 3, 4]), lookup).to_pylist() == [10.0, 5.0, None, None]


def test_a_price_of_more_is_not_the_price_of_one() -> None:
    lookup = price_rows(
        (1, None, "1", None, 0),
        (1, 4.0, "1", None, 10),
        (2, None, "1", None, 0),
        (2, 6.0, "1", None, 0),
    )
    assert prices(np.array([1, 2]), lookup).to_pylist() == [None, 6.0]


def test_a_currency_without_a_price_is_none_of_them() -> None:
    lookup = price_rows((1, None, "2", None, 0), (1, 4.0, "1", None, 1))
    assert prices(np.array([1]), lookup).to_pylist() == [4.0]


def test_prices_of_several_currencies_can_not_be_told_apart() -> None:
    lookup = price_rows((1, 9.0, "1", None, 0), (1, 8.0, "2", None, 0))
    with pytest.raises(MendError, match=r"set 'catalog\.currency'"):
        prices(np.array([1]), lookup)


@given(
    lookup=st.lists(st.integers(1, 40), max_size=80).map(sorted),
    ids=st.sets(st.integers(1, 40), max_size=20).map(sorted),
    cuts=st.lists(st.integers(0, 80), max_size=4),
    steps=st.integers(1, 7),
)
def test_a_lookup_is_read_beside_the_rows_wherever_batches_end(
    lookup: list[int], ids: list[int], cuts: list[int], steps: int
) -> None:
    edges = [0, *sorted(min(cut, len(lookup)) for cut in cuts), len(lookup)]
    parts = [lookup[start:end] for start, end in pairwise(edges)]
    rows = Along(
        pa.RecordBatch.from_pydict({"internalid": pa.array(part, pa.int64())}) for part in parts if part
    )
    found: list[int] = []
    for start in range(0, len(ids), steps):
        table = rows.rows(np.array(ids[start : start + steps]))
        found += [] if table is None else table["internalid"].to_pylist()
    assert found == [each for each in lookup if each in ids]


def category_batch(*rows: tuple[int, int | None, str | None, bool]) -> pa.RecordBatch:
    names = ("internalid", "commercecategoryid", "commercecategoryname", "commercecategoryisinactive")
    types = (pa.int64(), pa.int64(), pa.string(), pa.bool_())
    schema = pa.schema(list(zip(names, types, strict=True)))
    return pa.RecordBatch.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema)


def test_categories_are_those_that_are_shown_once_each_and_in_order() -> None:
    batch = category_batch(
        (1, 8, "Offers", False),
        (1, 3, "Tents", False),
        (1, 3, "Tents", False),
        (2, 5, "Hidden", True),
        (3, None, None, False),
        (4, 9, " ", False),
        (6, 8, "Offers", False),
    )
    ids, names = categories(np.array([1, 2, 3, 4, 5, 6]), Along(iter([batch])))
    assert ids.to_pylist() == [["3", "8"], [], [], [], [], ["8"]]
    assert names.to_pylist() == [["Tents", "Offers"], [], [], [], [], ["Offers"]]
    made = category_records(iter([batch]))
    assert (made.id, made.key, made.rows) == ([3, 8], ["3", "8"], [0, 0])


def test_no_categories_at_all() -> None:
    ids, names = categories(np.array([1, 2]), Along(iter(())))
    assert ids.to_pylist() == names.to_pylist() == [[], []]


def images(*names: str) -> Images:
    batch = pa.RecordBatch.from_pydict(
        {
            "internalid": pa.array(range(len(names)), pa.int64()),
            "name": pa.array(names, pa.string()),
            "url": pa.array([f"/{name}" for name in names], pa.string()),
        }
    )
    return Images(iter([batch]))


@pytest.mark.parametrize(
    ("files", "parts", "found"),
    [
        (["TSHI-00012_media-01.jpg"], ["TSHI-00012"], "/TSHI-00012_media-01.jpg"),
        (["TSHI-00012_media-Navy-01.jpg"], ["TSHI-00012", "Navy"], "/TSHI-00012_media-Navy-01.jpg"),
        (["A_media-Navy-XL-01.jpg"], ["A", "Navy", "XL"], "/A_media-Navy-XL-01.jpg"),
        (["A_media-02.jpg", "A_media-01.jpg"], ["A"], "/A_media-01.jpg"),
        (["A_media.png"], ["a"], "/A_media.png"),
        (["A_01.JPG"], ["A"], "/A_01.JPG"),
        (["A_Sky Blue_1.webp"], ["A", "Sky Blue"], "/A_Sky Blue_1.webp"),
        (["TSHI-00012.jpg"], ["TSHI-00012"], "/TSHI-00012.jpg"),
        (["TSHI-00012.jpg"], ["TSHI"], None),
        (["A_media-Navy-01.jpg"], ["A"], None),
        (["A_media-01.pdf"], ["A"], None),
        (["A_media-01.jpg"], ["A", None], None),
    ],
)
def test_images_are_named_as_the_web_store_reads_them(
    files: list[str], parts: list[str | None], found: str | None
) -> None:
    columns = [pa.array([part], pa.string()) for part in parts]
    assert images(*files).of_names(columns).to_pylist() == [found]


def test_images_by_file_id() -> None:
    of_ids = images("a.jpg", "b.jpg", "c.txt").of_ids(["1", None, "7", "no number", "2"])
    assert of_ids.to_pylist() == ["/b.jpg", None, None, None, None]
    assert images().of_ids(["1"]).to_pylist() == [None]


def rows_of(source: Source, row: dict[str, Any], **lookups: pa.RecordBatch) -> dict[str, Any]:
    def reader(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        return iter([batch])

    site = replace(
        SITE,
        image_options=("custitem_color",),
        lookups={name: (lambda batch=batch: reader(batch)) for name, batch in lookups.items()},
    )
    usual = {"internalid": 7, "itemid": "A", "baseprice": 4.0, "imageurl": None, "parent": None}
    types = {"imageurl": pa.string(), "parent": pa.string(), "storedisplayimage": pa.string()}
    values = usual | row
    arrays = [pa.array([value], types.get(name)) for name, value in values.items()]
    [made] = CatalogRows(source, site)(pa.RecordBatch.from_arrays(arrays, names=list(values))).to_pylist()
    return dict(made)


FILES = pa.RecordBatch.from_pydict(
    {
        "internalid": [1, 2],
        "name": ["A_media-Navy-01.jpg", "A_media-01.jpg"],
        "url": ["/navy", "/plain"],
    }
)


@pytest.mark.parametrize(
    ("row", "image"),
    [
        ({"imageurl": "https://cdn.example/a.jpg", "storedisplayimage": "1"}, "https://cdn.example/a.jpg"),
        ({"imageurl": "a.jpg"}, "https://shop.example/img/a.jpg"),
        ({"storedisplayimage": "1", "storedisplayimage__text": "x.jpg"}, "https://shop.example/img/navy"),
        ({"storedisplayimage": "9", "storedisplayimage__text": "x.jpg"}, "https://shop.example/img/plain"),
        ({}, "https://shop.example/img/plain"),
        ({"itemid": "B", "storedisplayimage__text": "x.jpg"}, "https://shop.example/img/x.jpg"),
        ({"itemid": "B"}, None),
    ],
)
def test_an_image_is_the_items_own_then_its_display_image_then_one_of_its_name(
    row: dict[str, Any], image: str | None
) -> None:
    assert rows_of(ITEMS, row, images=FILES)["image"] == image


@pytest.mark.parametrize(("colour", "image"), [("Navy", "navy"), ("Red", "plain"), (None, "plain")])
def test_a_matrix_childs_image_is_chosen_by_its_options(colour: str | None, image: str) -> None:
    child = {"itemid": "A : A-1", "parent": "3", "custitem_color": "5", "custitem_color__text": colour}
    assert rows_of(VARIANTS, child, images=FILES)["image"] == f"https://shop.example/img/{image}"


def test_without_a_lookup_of_prices_the_price_is_the_base_price() -> None:
    assert rows_of(ITEMS, {})["price"] == 4.0


def test_a_matrix_parent_does_not_stand_alone() -> None:
    parents = pa.RecordBatch.from_pydict({"internalid": [3, 7]})
    assert rows_of(ITEMS, {}, matrix_parents=parents)["standalone"] is False
    assert rows_of(ITEMS, {"internalid": 5}, matrix_parents=parents)["standalone"] is True


def test_an_image_of_another_host_is_no_path_of_the_stores() -> None:
    assert SITE.image_link("//cdn.example/a.jpg") == "https://cdn.example/a.jpg"
