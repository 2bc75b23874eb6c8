"""Whether Klaviyo holds what it should, worked out from NetSuite's raw records by the demo's own reckoning,
which shares nothing with the flows; and whether every row is accounted for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from chaos.line import Line
from netsuite_connector.demo import expectation, expected_orders, verify
from netsuite_connector.demo.expectation import Holding, Record
from netsuite_connector.flows.rejections import rejected

_WAKES_NOBODY = timedelta(days=8)  # the rule says seven; the account's clock was ahead of ours for a while
_STRICT = ("1", "3", "2", "4")  # of statuses of one address, the last of these speaks
_SHOWN = 5


class Accounts:
    """What both accounts hold. ``addresses``: all that any record ever had; ``said_no`` who opted out in
    Klaviyo; ``said_yes`` who ever were confirmed opt-ins.
    """

    def __init__(self, line: Line, addresses: set[str], said_no: set[str], said_yes: set[str]) -> None:
        self.line = line
        self.addresses, self.said_no, self.said_yes = addresses, said_no, said_yes
        records: dict[str, list[Record]] = {
            kind: list(line.netsuite.records(kind)) for kind in ("customer", "contact", "item", "transaction")
        }
        self.customers, self.contacts = records["customer"], records["contact"]
        self.items, self.transactions = records["item"], records["transaction"]
        line.klaviyo.settled()
        kinds = ("profiles", "events", "categories", "items", "variants", "consents")
        self.held: dict[str, list[Record]] = {kind: list(line.klaviyo.rows(kind)) for kind in kinds}
        # What Klaviyo itself recorded, of opt-outs for example, is not ours.
        self.events = [each for each in self.held["events"] if str(each["unique_id"]).startswith("netsuite-")]

    def problems(self, flows: Collection[str]) -> list[str]:
        """One sentence for each thing that is not as it should be after these flows."""
        checks = [self._people(), self._sales(), self._twice(), self._rows()]
        if "catalog" in flows:
            checks.append(self._catalog())
        if "consents" in flows:
            checks.append(self._consents())
        return [problem for check in checks for problem in check]

    # ---- what Klaviyo holds ------------------------------------------------------------------------------

    def _people(self) -> Iterator[str]:
        wanted = verify.with_orders(
            expectation.profiles(self.customers, self.contacts),
            expected_orders.storefronts(self.transactions, self.customers),
        )
        found = verify.held_profiles(self.held["profiles"])
        # Nobody is ever removed: the profile of a record that is gone, or has moved, stays as it was.
        gone = found.keys() - wanted.keys()
        # And nothing is ever cleared: of a record without a name, the profile keeps that of the one before.
        wanted = {
            email: {name: value for name, value in each.items() if value is not None or "name" not in name}
            for email, each in wanted.items()
        }
        for email in gone - self.addresses:
            yield f"profiles: one is of no address that NetSuite ever had ({found[email]['NetSuite ID']})"
        yield from _compare("profiles", wanted, {k: v for k, v in found.items() if k not in gone})

    def _catalog(self) -> Iterator[str]:
        items, held = self.items, self.held
        pairs = {
            "categories": (expectation.categories(items), verify.held_categories(held["categories"])),
            "items": (expectation.items(items), verify.held_catalog(held["items"])),
            "variants": (expectation.variants(items), verify.held_catalog(held["variants"])),
        }
        for kind, (wanted, found) in pairs.items():
            yield from _compare(kind, wanted, found)

    def _sales(self) -> Iterator[str]:
        wanted = expected_orders.events(self.transactions, self.customers)
        found = verify.held_events(self.events)
        for order, refunds in self._refunded_by_several().items():
            # Which of several refunds made the order whole depends on which was delivered last.
            names = {f"Partially Refunded Order netsuite-{id_}" for id_ in refunds}
            if len(names & wanted.keys()) != len(names & found.keys()):
                yield f"refunds of order {order}: not as many partial ones as there should be"
            for holding in (wanted, found):
                for name in names:
                    holding.pop(name, None)
            wanted.get(f"Refunded Order netsuite-{order}", {}).pop("time", None)
        yield from _compare("events", wanted, found)
        long_ago = datetime.now(UTC) - _WAKES_NOBODY
        woken = [
            each
            for each in self.events
            if not each["backfill"] and datetime.fromisoformat(each["datetime"]) < long_ago
        ]
        if woken:
            yield f"{len(woken)} events of long ago would wake flows, such as {woken[0]['unique_id']}"

    def _refunded_by_several(self) -> dict[int, set[int]]:
        """The refunds of each order that has several, by its id."""
        every = {each["internalid"]: each for each in self.transactions}
        of_order: defaultdict[int, set[int]] = defaultdict(set)
        for each in self.transactions:
            if each["type"] in {"CustCred", "CashRfnd"}:
                order = each
                while order["createdfrom"] and int(order["createdfrom"]) in every:
                    order = every[int(order["createdfrom"])]
                of_order[order["internalid"]].add(each["internalid"])
        return {order: refunds for order, refunds in of_order.items() if len(refunds) > 1}

    def _twice(self) -> Iterator[str]:
        counts: dict[str, Counter[str]] = {
            "event": Counter(f"{each['metric']} {each['unique_id']}" for each in self.events),
            "profile": Counter(str(each["email"]) for each in self.held["profiles"]),
        }
        for what, names in counts.items():
            several = [name for name, count in names.items() if count > 1]
            if several:
                such = f", such as {several[0]}" if what == "event" else ""
                yield f"{len(several)} {what}s are there twice{such}"

    # ---- consents ----------------------------------------------------------------------------------------

    def _consents(self) -> Iterator[str]:
        strictest = self._strictest()
        for row in self.held["profiles"]:
            email, marketing = row["email"], row["subscriptions"]["email"]["marketing"]
            subscribed = marketing["consent"] == "SUBSCRIBED" and not marketing["suppression"]
            status = strictest.get(email)
            who = f"the profile of {(row.get('properties') or {}).get('NetSuite ID')} (status {status})"
            if subscribed and email in self.said_no:
                yield f"consents: {who} opted out in Klaviyo and is subscribed"
            elif subscribed and status in {"2", "4"}:
                yield f"consents: {who} opted out in NetSuite and is subscribed"
            elif subscribed and email not in self.said_yes:
                yield f"consents: {who} never opted in and is subscribed"
            elif status == "3" and not subscribed and email not in self.said_no:
                yield f"consents: {who} opted in and is not subscribed"
        yield from self._lifted()

    def _strictest(self) -> dict[str, str]:
        """The status of each address."""
        found: dict[str, str] = {}
        for each in [*self.customers, *self.contacts]:
            address, status = expectation.address(each["email"]), str(each["globalsubscriptionstatus"])
            if address and status in _STRICT:
                found[address] = max(status, found.get(address, "1"), key=_STRICT.index)
        return found

    def _lifted(self) -> Iterator[str]:
        """Opt-outs that an import has lifted must have been put right."""
        last: dict[str, Record] = {}
        for entry in self.held["consents"]:
            if entry["lifted"] or entry["action"] in {"UNSUBSCRIBED", "SUPPRESSED"}:
                last[entry["profile_id"]] = entry
        standing = [entry for entry in last.values() if entry["lifted"]]
        if standing:
            yield f"consents: {len(standing)} opt-outs were lifted and left so"

    # ---- rows --------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[str]:
        """Every record of NetSuite is at Klaviyo or on the list of rejected rows, with reasons."""
        turned_down: defaultdict[str, set[int]] = defaultdict(set)
        for flow in ("customers", "orders"):
            for row in rejected(self.line.run(flow)):
                turned_down[row.source].add(row.id)
                if not row.reasons:
                    yield f"{row.source} {row.id} is rejected without a reason"
        yield from self._rows_of_people(turned_down)
        placed = {each["unique_id"] for each in self.events if each["metric"] == "Placed Order"}
        for each in self.transactions:
            lines = any(map(expected_orders.is_sold, each["lines"]))
            if not expected_orders.is_order(each) or not lines:
                continue
            delivered = f"netsuite-{each['internalid']}" in placed
            if delivered == (each["internalid"] in turned_down["orders"]):
                which = "both" if delivered else "neither"
                yield f"order {each['internalid']}: of delivered and rejected it is {which}"

    def _rows_of_people(self, turned_down: Mapping[str, set[int]]) -> Iterator[str]:
        shown = {each["email"] for each in self.held["profiles"]}
        for source, records in (("customers", self.customers), ("contacts", self.contacts)):
            for each in records:
                there = expectation.address(each["email"]) in shown
                if there == (each["internalid"] in turned_down.get(source, set())):
                    which = "both" if there else "neither"
                    yield f"{source} {each['internalid']}: of delivered and rejected it is {which}"


def added_up(name: str, result: Record) -> Iterator[str]:
    """What is wrong with a run's own numbers."""
    rows = result["all"] if name == "history" else result["rows"]
    parts = sum(rows.get(part, 0) for part in ("delivered", "unchanged", "rejected"))
    if rows.get("extracted", 0) != parts:
        yield f"a run of {name} read {rows['extracted']} rows and accounts for {parts}"
    if not result.get("adds_up", True):
        yield f"a run of {name} says that its numbers don't add up"


def _compare(what: str, wanted: Holding, found: Holding) -> Iterable[str]:
    differences = verify.compare(what, wanted, found).differences
    shown = "; ".join(differences[:_SHOWN])
    return [f"{what}: {len(differences)} differ: {shown}"] if differences else []
