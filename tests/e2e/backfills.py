"""What tests of history share: backfills of a line, as the DAG's tasks do them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from netsuite_connector.flows import history, history_window
from netsuite_connector.flows.history import Backfill, Order, Piece

FLOWS = ("customers", "orders")


@dataclass
class History:
    """Backfills of a line, as the DAG's tasks do them."""

    line: Any

    def plan(self, name: str, **wishes: Any) -> Backfill:
        now = datetime.now(UTC)
        form = {
            "flows": list(FLOWS),
            "from": f"{now.year - 1}-{now:%m}-01",
            "to": None,
            "window": "quarter",
            "order": Order.OLDEST.value,
            "dry_run": False,
            "resume": True,
            "limit": None,
            "ignore_gates": False,
        }
        store = self.line.store.model_copy(update={"history_years": 6})
        asked = history.ask(store, form | wishes, now)
        return history.plan(self.line.store, self.line.staging, self.line.netsuite_client(), asked, name)

    def read(self, made: Backfill) -> None:
        for piece in made.read:
            history_window.read(made.run(self.line.staging, piece), self.line.netsuite_client(), made)

    def deliver(self, made: Backfill, stop_after: int | None = None) -> dict[str, Any]:
        results = []
        for number, piece in enumerate(made.pieces):
            client = self.line.klaviyo_client()
            report = self.deliver_one(made, piece, Dying(client) if number == stop_after else client)
            results.append({"flow": piece.flow, "numbers": report["rows"]})
        return history.total(made, results)

    def deliver_one(self, made: Backfill, piece: Piece, klaviyo: Any = None) -> dict[str, Any]:
        run = made.run(self.line.staging, piece)
        client = klaviyo or self.line.klaviyo_client()
        return history_window.deliver(run, self.line.netsuite_client(), client, made)

    def whole(self, name: str, **wishes: Any) -> dict[str, Any]:
        made = self.plan(name, **wishes)
        self.read(made)
        return self.deliver(made)


class Dying:
    """A Klaviyo client whose process is killed right after its first batch, or before what it has sent is
    read back.
    """

    def __init__(self, client: Any, *, all_sent: bool = False) -> None:
        self._client, self._all_sent = client, all_sent
        self._sent = 0

    def push(self, *batch: Any, **more: Any) -> Any:
        self._sent += 1
        if self._sent > 1 and not self._all_sent:
            raise KeyboardInterrupt
        return self._client.push(*batch, **more)

    @property
    def reading(self) -> Any:
        if self._all_sent:
            raise KeyboardInterrupt
        return self._client.reading

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
