"""What people do meanwhile: saves in NetSuite, opt-outs in Klaviyo, each of a kind by chance.

Only things are done whose outcome at Klaviyo does not depend on when a run sees them: an event stays as it
was sent, so nobody moves to another address who has ordered, and an order that is cancelled is let alone.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.sales import Sales
from netsuite_connector.demo import expectation
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite

Record = dict[str, Any]

_REASONS = ("UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED", "HARD_BOUNCE", "INVALID_EMAIL")
_NO, _MAYBE, _YES = "4", "1", "3"


class Clock:
    """NetSuite's clock: ours, and ahead of it by what was skipped."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def skip(self, minutes: int) -> None:
        """Let so much time go by."""
        self.ahead += 60.0 * minutes

    def stamp(self) -> str:
        """Now, as NetSuite keeps it: to the minute."""
        return f"{datetime.now(UTC) + timedelta(seconds=self.ahead):%Y-%m-%dT%H:%M}:00Z"


class World:
    """Saves of all kinds. ``kinds`` counts them; ``addresses`` are all that any record ever had; ``said_no``
    those who opted out in Klaviyo, ``said_yes`` who ever were confirmed opt-ins in NetSuite.
    """

    def __init__(self, netsuite: NetSuite, klaviyo: Klaviyo, luck: random.Random, clock: Clock) -> None:
        self._netsuite = netsuite
        self._klaviyo = klaviyo
        self._luck = luck
        self._clock = clock
        self._number = 0
        self.kinds: Counter[str] = Counter()
        customers, contacts = list(netsuite.records("customer")), list(netsuite.records("contact"))
        transactions, items = list(netsuite.records("transaction")), list(netsuite.records("item"))
        people = [*customers, *contacts]
        told = [expectation.address(each["email"]) for each in people]
        self.addresses = {address for address in told if address}
        self.said_no: set[str] = set()
        self.said_yes = {expectation.address(each["email"]) or "" for each in people if _status(each) == _YES}
        held = Counter(told)
        buyers = {each["entity"] for each in transactions}
        self._customers = [each["internalid"] for each in customers]
        self._alone = {
            each["internalid"]: each
            for each in customers
            if held[expectation.address(each["email"])] == 1 and expectation.address(each["email"])
        }
        # Who never ordered may go, or move to another address; who said no must not be forgotten with it.
        self._free = [
            id_ for id_, each in self._alone.items() if str(id_) not in buyers and _status(each) == _MAYBE
        ]
        self._goods = [each for each in items if _is_simple(each) and expectation.is_complete(each)]
        self._own_goods: list[int] = []
        self._sales = Sales(netsuite, luck, clock.stamp, transactions, customers)

    def save(self) -> None:
        """One save, of a kind by chance."""
        kinds: dict[Callable[[], bool], int] = {
            self._edit: 6,
            self._insert: 5,
            self._move: 2,
            self._delete: 2,
            self._merge: 1,
            self._switch_off: 2,
            self._change_mind: 4,
            self._opt_out: 4,
            self._reprice: 3,
            self._restock: 3,
            self._new_item: 1,
            self._hide_item: 2,
            self._sales.order: 6,
            self._sales.cancel: 3,
            self._sales.ship: 6,
            self._sales.refund: 4,
            self._sales.touch: 3,
        }
        names, weights = list(kinds), list(kinds.values())
        while True:
            kind = self._luck.choices(names, weights)[0]
            if kind():
                self.kinds[kind.__name__.strip("_").replace("_", " ")] += 1
                return

    # ---- people ------------------------------------------------------------------------------------------

    def _edit(self) -> bool:
        id_ = self._luck.choice(self._customers)
        # Now and then it is as it was before, which must not be taken for what Klaviyo has.
        lastname = self._luck.choice(("Edited", "Edited again", f"Edited{self._next()}"))
        self._update("customer", id_, lastname=lastname, firstname="Somebody")
        return True

    def _insert(self) -> bool:
        number = self._next()
        email = f"new.{number}@inbox.example"
        if self._luck.random() < 0.15:
            email = "nobody at all"
        elif self._luck.random() < 0.2:
            # Two records of one address: the better one speaks.
            email = self._luck.choice(sorted(self.addresses))
        status = self._luck.choice((_MAYBE, _MAYBE, _YES, _NO))
        if email in self.addresses:
            status = _MAYBE
        made = self._netsuite.create(
            "customer",
            isperson=True,
            firstname="New",
            lastname=f"New{number}",
            email=email,
            stage=self._luck.choice(("CUSTOMER", "LEAD")),
            globalsubscriptionstatus=status,
            subsidiary="1",
            isinactive=False,
            lastmodifieddate=self._clock.stamp(),
        )
        self._customers.append(made["internalid"])
        found = expectation.address(email)
        if found and found not in self.addresses:
            self._alone[made["internalid"]] = made
            if status == _MAYBE:
                self._free.append(made["internalid"])
            if status == _YES:
                self.said_yes.add(found)
            self.addresses.add(found)
        elif found:
            self._not_alone(found)
        return True

    def _move(self) -> bool:
        if not self._free:
            return False
        id_ = self._luck.choice(self._free)
        email = f"moved.{self._next()}@inbox.example"
        self.addresses.add(email)
        self._alone[id_] = self._update("customer", id_, email=email)
        return True

    def _delete(self) -> bool:
        if not self._free:
            return False
        id_ = self._free.pop(self._luck.randrange(len(self._free)))
        self._forget(id_)
        self._netsuite.delete("customer", id_, moment=self._clock.stamp())
        return True

    def _merge(self) -> bool:
        if len(self._free) < 2:
            return False
        id_ = self._free.pop(self._luck.randrange(len(self._free)))
        self._forget(id_)
        into = self._luck.choice(self._free)
        self._netsuite.merge("customer", id_, into)
        # NetSuite's clock is ahead of the sandbox's own, which stamps what it does by itself.
        self._update("customer", into, comments="Merged.")
        return True

    def _switch_off(self) -> bool:
        id_ = self._luck.choice(self._customers)
        self._update("customer", id_, isinactive=self._luck.random() < 0.7)
        return True

    def _change_mind(self) -> bool:
        """From nothing to yes or no, and from yes to no; never back, so that the outcome is plain."""
        now = [id_ for id_, each in self._alone.items() if _status(each) in {_MAYBE, _YES}]
        if not now:
            return False
        id_ = self._luck.choice(now)
        new = _NO if _status(self._alone[id_]) == _YES or self._luck.random() < 0.3 else _YES
        self._alone[id_] = self._update("customer", id_, globalsubscriptionstatus=new)
        if id_ in self._free:
            self._free.remove(id_)
        if new == _YES:
            self.said_yes.add(expectation.address(self._alone[id_]["email"]) or "")
        return True

    def _opt_out(self) -> bool:
        email = self._luck.choice(sorted(self.addresses - self.said_no))
        try:
            self._klaviyo.suppress(email, self._luck.choice(_REASONS))
        except OSError:  # there is no such profile yet
            return False
        self.said_no.add(email)
        return True

    # ---- goods -------------------------------------------------------------------------------------------

    def _reprice(self) -> bool:
        if not self._goods:
            return False
        price = self._luck.choice((15.0, 25.0, self._luck.randrange(100, 20_000) / 100))
        self._update("item", self._luck.choice(self._goods)["internalid"], baseprice=price)
        return True

    def _restock(self) -> bool:
        stocked = [each for each in self._goods if each["quantityavailable"] is not None]
        if not stocked:
            return False
        id_, now = self._luck.choice(stocked)["internalid"], self._clock.stamp()
        number = self._luck.randrange(500)
        self._netsuite.update("item", id_, quantityavailable=number, lastquantityavailablechange=now,
                              lastmodifieddate=now)  # fmt: skip
        return True

    def _new_item(self) -> bool:
        if not self._goods:
            return False
        like, number = self._luck.choice(self._goods), self._next()
        own = {"internalid", "itemid", "created", "lastmodifieddate", "displayname", "urlcomponent"}
        new = {name: value for name, value in like.items() if name not in own}
        made = self._netsuite.create(
            "item",
            **new,
            itemid=f"NEW-{number}",
            displayname=f"New thing {number}",
            urlcomponent=f"new-thing-{number}",
            lastmodifieddate=self._clock.stamp(),
        )
        self._own_goods.append(made["internalid"])
        return True

    def _hide_item(self) -> bool:
        if self._own_goods and self._luck.random() < 0.4:
            id_ = self._own_goods.pop(self._luck.randrange(len(self._own_goods)))
            self._netsuite.delete("item", id_, moment=self._clock.stamp())
            return True
        if not self._goods:
            return False
        id_ = self._luck.choice(self._goods)["internalid"]
        self._update("item", id_, isinactive=self._luck.random() < 0.6)
        return True

    # ---- small things ------------------------------------------------------------------------------------

    def _update(self, kind: str, id_: int, **values: Any) -> Record:
        return self._netsuite.update(kind, id_, lastmodifieddate=self._clock.stamp(), **values)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _forget(self, id_: int) -> None:
        self._customers.remove(id_)
        self._alone.pop(id_, None)

    def _not_alone(self, address: str) -> None:
        for id_, each in list(self._alone.items()):
            if expectation.address(each["email"]) == address:
                del self._alone[id_]
                if id_ in self._free:
                    self._free.remove(id_)


def _status(record: Record) -> str:
    return str(record["globalsubscriptionstatus"])


def _is_simple(item: Record) -> bool:
    return not item["matrix"] and not item["matrixchild"]
