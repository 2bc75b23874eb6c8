"""What a store's file may say about columns, and one sentence for each mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsuite_connector.errors import MendError
from netsuite_connector.stores.load import load_store
from netsuite_connector.stores.model import Store

STORE = """
store: outdoor
name: Outdoor Shop
site: {url: https://outdoor.example}
country: ES
currency: EUR
flows:
  customers:
    extra: false
    mapping:
      customers:
        columns:
          custentity_job_title: {to: title}
          custentity_tier: {property: Tier, send: id, type: number}
          custentity_notes: {drop: true}
        properties: {NetSuite Sales Rep: Account Manager, NetSuite Inactive: false}
        constants: {Shop: Outdoor, Score: 3, Live: true}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "outdoor.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_mapping_is_read_and_travels_with_a_plan(tmp_path: Path) -> None:
    store = load_store(written(tmp_path, STORE))
    flow = store.flows["customers"]
    said = flow.mapping["customers"]
    assert not flow.extra
    assert said.columns["custentity_job_title"].to == "title"
    tier = said.columns["custentity_tier"]
    assert (tier.property, tier.send, tier.type) == ("Tier", "id", "number")
    assert said.properties == {"NetSuite Sales Rep": "Account Manager", "NetSuite Inactive": False}
    assert list(said.constants.items()) == [("Shop", "Outdoor"), ("Score", 3), ("Live", True)]
    assert Store.model_validate(store.model_dump(mode="json", exclude_unset=True)) == store


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("{to: title}", "{too: title}"), "mapping.customers.columns.custentity_job_title.too' is not a"),
        (("{to: title}", "{too: title}"), "did you mean 'to'?"),
        (("{to: title}", "{}"), "say what becomes of the column: to, property, drop, send or type"),
        (("{to: title}", "{to: title, property: Title}"), "fills a known one ('to') or is a property"),
        (("{drop: true}", "{drop: true, type: text}"), "a column with 'drop' is not sent"),
        (("type: number", "type: money"), "columns.custentity_tier.type' is 'money'"),
        (("send: id", "send: ids"), "columns.custentity_tier.send' is 'ids'"),
        (("property: Tier", "property: $tier"), "columns.custentity_tier.property' is '$tier'"),
        (("property: Tier", "property: Tier__text"), "a name that ends with '__text'"),
        (("constants: {Shop: Outdoor", "constants: {Shop: [Outdoor]"), "constants.Shop"),
        (("Inactive: false", "Inactive: true"), "properties.NetSuite Inactive"),
        (("constants:", "constant:"), "did you mean 'constants'?"),
        (("extra: false", "extra: maybe"), "'flows.customers.extra' is 'maybe'"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    assert change[0] in STORE
    with pytest.raises(MendError) as caught:
        load_store(written(tmp_path, STORE.replace(*change)))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
