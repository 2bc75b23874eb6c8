"""What the catalog's flows notice: stock that comes back, and prices that fall."""

from __future__ import annotations

import pytest

PREFIX = "$custom:::$default:::"
A1 = f"{PREFIX}A1"


@pytest.fixture
def shop(api, make_item, make_variant):
    """An item with one variant that is sold out."""
    api.post("catalog-items", make_item("A", price=20.0))
    api.post("catalog-variants", make_variant("A1", "A", inventory_quantity=0, price=20.0))
    return api


def waits(api, email: str, variant: str = A1):
    person = {"data": {"type": "profile", "attributes": {"email": email}}}
    return api.post(
        "back-in-stock-subscriptions",
        {
            "type": "back-in-stock-subscription",
            "attributes": {"channels": ["EMAIL"], "profile": person},
            "relationships": {"variant": {"data": {"type": "catalog-variant", "id": variant}}},
        },
    )


def change(api, **attributes) -> None:
    row = {"type": "catalog-variant", "id": A1, "attributes": attributes}
    assert api.catalog_job("update", "variants", row)["attributes"]["failed_count"] == 0


def test_waiting_for_a_variant_that_is_not_there_is_refused(shop):
    answer = waits(shop, "ann@shop.example", f"{PREFIX}A")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "variant_not_found"
    assert shop.account.state()["back_in_stock_waiting"] == 0


def test_stock_that_comes_back_notifies_those_who_wait_once(shop):
    assert (waits(shop, "ann@shop.example").status_code, waits(shop, "ann@shop.example").content) == (
        202,
        b"",
    )
    waits(shop, "bob@shop.example")
    assert shop.account.state()["back_in_stock_waiting"] == 2
    change(shop, inventory_quantity=5)
    people = {one["id"]: one["email"] for one in shop.account.rows("profiles")}
    (alert,) = shop.account.rows("alerts")
    assert (alert["flow"], alert["id"], alert["from"], alert["to"]) == ("back_in_stock", A1, 0, 5)
    assert [people[one] for one in alert["notified"]] == ["ann@shop.example", "bob@shop.example"]
    change(shop, inventory_quantity=0)
    change(shop, inventory_quantity=1)
    assert [len(one["notified"]) for one in shop.account.rows("alerts")] == [2, 0]
    assert shop.account.state()["flows"]["back_in_stock"] == 2


def test_stock_that_only_grows_or_falls_wakes_nothing(shop):
    change(shop, inventory_quantity=5)
    for quantity in (6, 2, 0, 0):
        change(shop, inventory_quantity=quantity)
    assert shop.account.state()["flows"]["back_in_stock"] == 1


def test_a_price_that_falls_is_noticed_on_items_and_variants(shop):
    change(shop, price=15.0)
    change(shop, price=15.0)
    change(shop, price=18.0)
    item = {"type": "catalog-item", "id": f"{PREFIX}A", "attributes": {"price": 19.0}}
    assert shop.patch(f"catalog-items/{PREFIX}A", item).status_code == 200
    drops = [(one["type"], one["from"], one["to"]) for one in shop.account.rows("alerts")]
    assert drops == [("catalog-variant", 20.0, 15.0), ("catalog-item", 20.0, 19.0)]


def test_a_variant_that_goes_is_waited_for_no_longer(shop):
    waits(shop, "ann@shop.example")
    shop.delete(f"catalog-items/{PREFIX}A")
    assert shop.account.state()["back_in_stock_waiting"] == 0


@pytest.mark.parametrize("wrong", ["channel", "nobody", "email"])
def test_a_subscription_is_held_to_its_form(shop, wrong):
    person = {"nobody": {}, "email": {"email": "ann"}}.get(wrong, {"email": "ann@shop.example"})
    attributes = {"channels": ["FAX" if wrong == "channel" else "EMAIL"]}
    attributes["profile"] = {"data": {"type": "profile", "attributes": person}}
    relation = {"variant": {"data": {"type": "catalog-variant", "id": A1}}}
    body = {"type": "back-in-stock-subscription", "attributes": attributes, "relationships": relation}
    assert shop.post("back-in-stock-subscriptions", body).status_code == 400
