"""Profiles over real HTTP: one for an address, by one rule, whatever happens to the records behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows.confirm import EXTERNAL_ID_REFUSED, PHONE_REFUSED
from netsuite_connector.flows.plan import Asked, plan
from netsuite_connector.flows.run import Run
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.window import Window

pytestmark = pytest.mark.line
NewLine = Callable[[NetSuite, Klaviyo], Any]
LONG_AGO = "2026-01-05T10:00:00Z"


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite() as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


class Shop:
    """Both accounts, empty at first, and runs of the customers flow between them."""

    def __init__(self, line: Any) -> None:
        self.line = line
        self.netsuite: NetSuite = line.netsuite
        self.klaviyo: Klaviyo = line.klaviyo

    def person(self, email: str, stage: str = "CUSTOMER", **values: Any) -> int:
        """A record that was last changed long ago."""
        record = {"entityid": "P", "lastname": "Doe", "globalsubscriptionstatus": "2"}
        kind = "contact" if stage == "CONTACT" else "customer"
        record |= {"stage": stage} if kind == "customer" else {}
        stamped = {"datecreated": LONG_AGO, "lastmodifieddate": LONG_AGO}
        return int(self.netsuite.create(kind, **record, **stamped, email=email, **values)["internalid"])

    def everything(self, **asked: Any) -> Any:
        """A run over all records."""
        return self.line.run("customers", **asked)

    def increment(self) -> Any:
        """A run over what changed lately."""
        start = datetime.now(UTC) - timedelta(hours=1)
        return self.line.run("customers", start=start.strftime("%Y-%m-%dT%H:%M:00Z"))

    def profile(self, email: str) -> dict[str, Any]:
        """Klaviyo's profile of the address."""
        self.klaviyo.settled()
        return next(row for row in self.klaviyo.rows("profiles") if row["email"] == email)

    def speaker(self, email: str) -> int:
        """The NetSuite record that the profile was made of."""
        return int(self.profile(email)["properties"]["NetSuite ID"])


@pytest.fixture
def shop(accounts: tuple[NetSuite, Klaviyo], new_line: NewLine) -> Shop:
    netsuite, klaviyo = accounts
    for record_type in ("customer", "contact", "deletedrecord"):
        netsuite.clear(record_type)
    klaviyo.clear_faults()
    klaviyo.reset()
    return Shop(new_line(netsuite, klaviyo))


def test_a_profile_carries_what_netsuite_knows(shop: Shop) -> None:
    company = shop.person(
        "office@acme.example",
        isperson=False,
        companyname="Acme",
        pricelevel="5",
        salesrep="11",
        territory="1",
        category="2",
        sourcesite="1",
        city="Oakland",
        state="CA",
        zipcode="94601",
        countrycode="US",
        mobilephone="(415) 555-2671",
        firstorderdate="2026-02-03",
        lastorderdate="2026-03-04",
    )
    shop.person("buyer@acme.example", "CONTACT", company=str(company), title="Buyer")
    shop.everything()
    office, buyer = shop.profile("office@acme.example"), shop.profile("buyer@acme.example")
    assert (office["external_id"], office["organization"]) == (str(company), "Acme")
    assert office["phone_number"] == "+14155552671"
    assert office["location"] == {"city": "Oakland", "region": "CA", "zip": "94601", "country": "US"}
    told = office["properties"]
    assert told["NetSuite Customer First Order Date"] == "2026-02-03"
    assert told["NetSuite Customer Last Order Date"] == "2026-03-04"
    texts = ("Price Level", "Sales Rep", "Territory", "Category", "Source Website", "Subscription Status")
    for name in texts:
        value = told[f"NetSuite {name}"]
        assert isinstance(value, str)
        assert not value.isdecimal(), name
    # A select is sent as its text, and NetSuite shows a company by its number and name.
    assert (buyer["organization"], buyer["title"]) == ("P Acme", "Buyer")
    assert buyer["properties"]["NetSuite Stage"] == "CONTACT"


def test_when_the_speaker_is_deleted_the_next_takes_over_at_the_next_run(shop: Shop) -> None:
    speaker = shop.person("ann@shop.example", firstname="Ann")
    lead = shop.person("ann@shop.example", "LEAD", firstname="Anna")
    contact = shop.person("Ann@shop.example", "CONTACT", firstname="Annie")
    assert shop.everything()["rows"]["delivered"] == 3
    assert shop.speaker("ann@shop.example") == speaker

    shop.netsuite.delete("customer", speaker)
    report = shop.increment()
    assert report["records"]["delivered"] == 1
    assert shop.speaker("ann@shop.example") == lead
    assert shop.profile("ann@shop.example")["first_name"] == "Anna"

    shop.netsuite.delete("customer", lead)
    shop.increment()
    assert shop.speaker("ann@shop.example") == contact
    assert shop.everything()["records"]["delivered"] == 0


def test_when_the_speaker_is_merged_into_another_that_one_speaks(shop: Shop) -> None:
    old = shop.person("bo@shop.example", firstname="Old")
    new = shop.person("bo@shop.example", firstname="New")
    shop.everything()
    assert shop.speaker("bo@shop.example") == old
    shop.netsuite.merge("customer", old, new)
    shop.increment()
    assert shop.speaker("bo@shop.example") == new


def test_an_inactive_speaker_is_followed_by_an_active_record_and_comes_back(shop: Shop) -> None:
    customer = shop.person("cy@shop.example")
    contact = shop.person("cy@shop.example", "CONTACT")
    shop.everything()
    shop.netsuite.update("customer", customer, isinactive=True)
    report = shop.increment()
    assert shop.speaker("cy@shop.example") == contact
    assert report["rows"] == {"extracted": 2, "delivered": 2, "unchanged": 0, "rejected": 0}

    shop.netsuite.update("customer", customer, isinactive=False)
    shop.increment()
    assert shop.speaker("cy@shop.example") == customer


def test_a_speaker_whose_address_is_gone_leaves_it_to_the_next(shop: Shop) -> None:
    customer = shop.person("di@shop.example")
    lead = shop.person("di@shop.example", "LEAD")
    shop.everything()
    shop.netsuite.update("customer", customer, email="")
    shop.increment()
    assert shop.speaker("di@shop.example") == lead
    # As it was before, the record speaks again, though Klaviyo had all of it once.
    shop.netsuite.update("customer", customer, email="di@shop.example")
    shop.increment()
    assert shop.speaker("di@shop.example") == customer


def test_who_moves_to_another_address_leaves_the_old_one_to_the_next(shop: Shop) -> None:
    mover = shop.person("ed@shop.example")
    stays = shop.person("ed@shop.example", "LEAD")
    shop.everything()
    shop.netsuite.update("customer", mover, email="eddie@shop.example")
    shop.increment()
    assert shop.speaker("ed@shop.example") == stays
    assert shop.speaker("eddie@shop.example") == mover


def test_a_newcomer_that_ranks_higher_takes_over_and_gives_back(shop: Shop) -> None:
    lead = shop.person("fay@shop.example", "LEAD")
    shop.everything()
    customer = int(
        shop.netsuite.create("customer", entityid="F", stage="CUSTOMER", email="fay@shop.example")[
            "internalid"
        ]
    )
    shop.increment()
    assert shop.speaker("fay@shop.example") == customer
    shop.netsuite.delete("customer", customer)
    shop.increment()
    assert shop.speaker("fay@shop.example") == lead


def test_an_external_id_is_added_only_where_it_is_safe(shop: Shop) -> None:
    alone, other = shop.person("gil@shop.example"), shop.person("hal@shop.example")
    shop.person("two@shop.example")
    shop.person("two@shop.example", "LEAD")
    shop.everything()
    assert shop.profile("gil@shop.example")["external_id"] == str(alone)
    assert shop.profile("two@shop.example")["external_id"] is None

    # The profile of the old address keeps the id, so the new one can't have it.
    shop.netsuite.update("customer", other, email="hally@shop.example")
    shop.increment()
    assert shop.profile("hal@shop.example")["external_id"] == str(other)
    assert shop.profile("hally@shop.example")["external_id"] is None
    shop.netsuite.update("customer", other, lastname="Changed")
    shop.increment()
    assert shop.profile("hally@shop.example")["last_name"] == "Changed"
    assert shop.profile("hally@shop.example")["external_id"] is None


def test_a_refused_phone_costs_neither_the_profile_nor_its_external_id(shop: Shop) -> None:
    shop.person("ida@shop.example", mobilephone="(415) 555-2671", countrycode="US")
    shop.everything()
    second = shop.person("jo@shop.example", mobilephone="(415) 555-2671", countrycode="US")
    report = shop.everything()
    assert report["rows"]["rejected"] == 0
    assert report["warnings"] == {PHONE_REFUSED: 1}
    assert EXTERNAL_ID_REFUSED not in report["warnings"]
    profile = shop.profile("jo@shop.example")
    assert (profile["phone_number"], profile["external_id"]) == (None, str(second))


def test_only_what_changed_is_sent_unless_everything_is_sent_again(shop: Shop) -> None:
    kay, lee = shop.person("kay@shop.example"), shop.person("lee@shop.example")
    assert shop.everything()["records"]["delivered"] == 2
    shop.netsuite.update("customer", lee, lastname="Lane")
    again = shop.everything()
    assert (again["records"]["delivered"], again["records"]["unchanged"]) == (1, 1)
    assert shop.profile("lee@shop.example")["last_name"] == "Lane"
    shop.klaviyo.reset()
    assert shop.everything()["records"]["delivered"] == 0
    resent = shop.everything(resend=True)
    assert (resent["records"]["delivered"], resent["records"]["unchanged"]) == (2, 0)
    assert {shop.speaker("kay@shop.example"), shop.speaker("lee@shop.example")} == {kay, lee}
    assert shop.everything()["records"]["unchanged"] == 2


def test_sending_everything_again_reads_everything(shop: Shop) -> None:
    run = Run(shop.line.store, DOMAINS["customers"], Window(), shop.line.staging)
    shop.everything()
    client = shop.line.netsuite_client()
    planned = plan(run, client, Asked(resend=True))
    assert planned.start is None
    made = planned.run(run)
    assert made.resend
    assert made.whole
    assert made.key.endswith("-resend")
    bounded = plan(run, client, Asked(end="2026-11-20T00:00:00Z")).run(run)
    assert not bounded.whole, "what changed later is not gone"


def test_a_customer_with_an_address_book_is_one_profile_that_accounts_for_all_its_rows(shop: Shop) -> None:
    home = {"addressinternalid": 71, "city": "Bath", "countrycode": "GB", "isdefaultshipping": True}
    office = {"addressinternalid": 72, "city": "Leeds", "countrycode": "GB", "isdefaultbilling": True}
    old = {"addressinternalid": 70, "city": "York", "countrycode": "GB"}
    shop.person("ann@shop.example", addresses=[old, home, office])
    shop.person("bob@shop.example", city="Ely", countrycode="GB")
    shop.person("Bob@shop.example", "LEAD", addresses=[old, home])
    first = shop.everything()
    assert first["rows"] == {"extracted": 6, "delivered": 6, "unchanged": 0, "rejected": 0}
    assert shop.profile("ann@shop.example")["location"] == {"city": "Leeds", "country": "GB"}
    assert shop.profile("bob@shop.example")["location"] == {"city": "Ely", "country": "GB"}
    # Rows come in another order each time; that is no change.
    again = shop.everything()
    assert again["rows"] == {"extracted": 6, "delivered": 0, "unchanged": 6, "rejected": 0}
