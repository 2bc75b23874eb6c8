"""An account filled from CSV files."""

from __future__ import annotations

from pathlib import Path

import pytest
from nssandbox import Inside, rows

from netsuite_connector.sandbox.netsuite.account import Account, Settings
from netsuite_connector.sandbox.netsuite.credentials import new_credentials
from netsuite_connector.sandbox.netsuite.csv_files import CsvError

CUSTOMERS = """\
internalid,entityid,isperson,firstname,email,globalsubscriptionstatus,category,category_text,lastmodifieddate,custentity_vip:checkbox,custentity_tier,custentity_tier_text
10,C10,T,Ana,ana@shopper.example,3,7,Collectors,2026-05-01T10:00:30+02:00,T,2,Gold
11,C11,F,,,,,,,,,
"""
ITEMS = """\
internalid,itemid,type,baseprice,parent,modified,custitem_note
1,TEE,InvtPart,20.00,,2026-01-01T00:00:00Z,
2,TEE : S,InvtPart,,1,2026-01-02T00:00:00Z,"soft, warm"
"""
ORDERS = """\
internalid,type,tranid,trandate,entity,status,currency,currency_text,memomain,item,quantity,rate,amount,memo,shipping,custcol_engraving
100,SalesOrd,SO1,2026-02-03,10,G,1,GBP,whole,2,2,9.5,19,line one,F,ANA
100,,,,,,,,,1,1,20,20,line two,F,
100,SalesOrd,SO1,2026-02-03,10,G,1,GBP,whole,,,,5,post,T,
101,CashSale,CS1,2026-02-04,11,,2,EUR,,1,1,20,20,,F,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("customer", CUSTOMERS), ("item", ITEMS), ("transaction", ORDERS)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def loaded(folder: Path) -> Inside:
    account = Account(Settings(csv=folder, timezone="UTC"), new_credentials("1234567_SB1"))
    return Inside(account.engine, account.project.deployments[0])


def test_customers_with_selects_and_custom_fields(folder: Path) -> None:
    ana, other = rows(loaded(folder).call("page", search="customsearch_nsk_customers"))
    assert (ana["internalid"], ana["isperson"], ana["stage"], ana["email"]) == (
        10,
        True,
        "CUSTOMER",
        "ana@shopper.example",
    )
    assert (ana["globalsubscriptionstatus__text"], ana["category__text"]) == (
        "Confirmed Opt-In",
        "Collectors",
    )
    assert ana["lastmodifieddate"] == "2026-05-01T08:00:00Z"
    assert (ana["custentity_vip"], ana["custentity_tier"], ana["custentity_tier__text"]) == (
        True,
        "2",
        "Gold",
    )
    assert (other["isperson"], other["firstname"], other["custentity_tier"]) == (False, None, None)


def test_items_know_their_parents(folder: Path) -> None:
    account = loaded(folder)
    (child,) = rows(account.call("page", search="customsearch_nsk_variants"))
    assert (child["parent"], child["parent__text"], child["parent.type"]) == ("1", "TEE", "InvtPart")
    assert (child["custitem_note"], child["baseprice"]) == ("soft, warm", None)
    (parent,) = rows(account.call("page", search="customsearch_nsk_items"))
    assert (parent["internalid"], parent["modified"]) == (1, "2026-01-01T00:00:00Z")


def test_lines_of_orders(folder: Path) -> None:
    first, second, third = rows(loaded(folder).call("page", search="customsearch_nsk_orders"))
    assert (first["internalid"], second["internalid"], third["internalid"]) == (100, 100, 101)
    assert (first["item"], first["quantity"], first["rate"], first["amount"]) == ("2", 2, 9.5, 19)
    assert (first["total"], second["total"], third["total"]) == (
        44,
        44,
        20,
    )  # the shipping line is part of the total
    assert (first["customermain.email"], first["currency__text"], third["currency__text"]) == (
        "ana@shopper.example",
        "GBP",
        "EUR",
    )
    assert (first["memo"], first["custcol_engraving"]) == ("line one", "ANA")
    assert (first["statusref__text"], third["type"], third["type__text"]) == (
        "Billed",
        "CashSale",
        "Cash Sale",
    )
    assert (first["datecreated"], first["trandate"]) == ("2026-02-03T00:00:00Z", "2026-02-03")
    assert len({each["lineuniquekey"] for each in (first, second, third)}) == 3


def test_prices_and_stock_of_items(folder: Path) -> None:
    (folder / "item_prices.csv").write_text(
        "internalid,pricelevel,pricelevel_text,currency,currency_text,unitprice,minimumquantity\n"
        "1,1,List,2,GBP,20,0\n1,7,Trade,2,GBP,12.5,10\n",
        encoding="utf-8",
    )
    (folder / "item_stock.csv").write_text(
        "internalid,inventorylocation,inventorylocation_text,locationquantityavailable\n"
        "2,1,Leeds,3\n2,9,York,4\n",
        encoding="utf-8",
    )
    account = loaded(folder)
    prices = rows(account.call("page", search="customsearch_nsk_item_prices", until=1))
    found = {
        (row["pricing.pricelevel__text"], row["pricing.unitprice"], row["pricing.minimumquantity"])
        for row in prices
    }
    assert found == {("List", 20, 0), ("Trade", 12.5, 10)}
    stock = rows(account.call("page", search="customsearch_nsk_item_stock", after=1))
    assert {(row["inventorylocation__text"], row["locationquantityavailable"]) for row in stock} == {
        ("Leeds", 3),
        ("York", 4),
    }
    assert {row["quantityavailable"] for row in stock} == {7}


def test_support_cases(folder: Path) -> None:
    (folder / "supportcase.csv").write_text(
        "internalid,casenumber,title,company,email,status,status_text,createddate,custevent_score:integer\n"
        "5,900,Where is it?,10,ana@shopper.example,2,Looking,2026-05-01T09:00:00Z,8\n",
        encoding="utf-8",
    )
    (case,) = rows(loaded(folder).call("page", search="customsearch_nsk_cases"))
    assert (case["internalid"], case["title"], case["company__text"]) == (5, "Where is it?", "C10 Ana")
    assert (case["status"], case["status__text"]) == ("2", "Looking")
    assert (case["createddate"], case["lastmodifieddate"]) == ("2026-05-01T09:00:00Z", "2026-05-01T09:00:00Z")
    assert case["custevent_score"] == 8


def test_prices_need_their_items(folder: Path) -> None:
    (folder / "item_prices.csv").write_text("internalid,unitprice\n3,20\n", encoding="utf-8")
    with pytest.raises(CsvError, match=r"item_prices\.csv names an item .* not in item\.csv"):
        loaded(folder)
    (folder / "item.csv").unlink()
    with pytest.raises(CsvError, match=r"item_prices\.csv needs the items"):
        loaded(folder)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("customer", "internalid,emial,telefone\n1,a,b\n", ["emial", "telefone", "customer.csv"]),
        ("customer", "entityid\nx\n", ["no column internalid"]),
        ("customer", "internalid,email\n1,a\n1,b\n", ["row 3", "internalid 1", "row 2"]),
        ("customer", "internalid,email\n1\n", ["row 2", "1 values for 2 columns"]),
        ("customer", "internalid,email\nx,a\n", ["row 2", "internalid", "whole number"]),
        ("customer", "internalid,isperson\n1,perhaps\n", ["row 2", "isperson", "checkbox"]),
        ("customer", "internalid,email,email\n1,a,b\n", ["email", "more than once"]),
        ("item", "internalid,baseprice\n5,1.5\n6,dear\n", ["row 3", "baseprice"]),
        ("item", "internalid,modified\n5,yesterday\n", ["row 2", "modified"]),
        ("item", "internalid,custitem_x:colour\n5,red\n", ["custitem_x:colour"]),
        ("transaction", "internalid,statusref\n5,billed\n", ["statusref"]),
        ("transaction", "internalid,trandate\n5,31/01/2026\n", ["row 2", "trandate"]),
        (
            "transaction",
            "internalid,entity,item\n5,1,2\n5,3,4\n",
            ["row 3", "entity differs", "internalid 5"],
        ),
        ("customer", 'internalid,email\n1,"a\n', ["customer.csv", "row"]),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(
    tmp_path: Path, name: str, text: str, words: list[str]
) -> None:
    (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    with pytest.raises(CsvError) as refused:
        loaded(tmp_path)
    message = str(refused.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CsvError, match=r"none of customer\.csv"):
        loaded(tmp_path)
    with pytest.raises(CsvError, match="no folder"):
        loaded(tmp_path / "missing")


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "customer.csv").write_bytes("internalid,firstname\n1,José\n".encode("latin-1"))
    with pytest.raises(CsvError, match="UTF-8"):
        loaded(tmp_path)
