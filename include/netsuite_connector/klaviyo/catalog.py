"""Reads Klaviyo's catalog: what is there, and what it looks like."""

from __future__ import annotations

import typing
from collections.abc import Collection, Iterable, Iterator

from netsuite_connector.klaviyo.endpoints import COMPOUND, CatalogKind
from netsuite_connector.klaviyo.reading import PAGE, portions
from netsuite_connector.klaviyo.transport import Transport


class Catalog:
    """The custom catalog of one account. Ids are external ids here; Klaviyo's compound ones stay inside."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def ids(self, kind: CatalogKind) -> Iterator[str]:
        """The external ids of all categories, items or variants, a page at a time.

        Collect them before anything is deleted: what comes or goes meanwhile may or may not be among them.
        """
        query = {f"fields[{kind}]": "external_id", "page[size]": str(PAGE)}
        for resource in self._transport.get_all(kind.listing, query):
            yield str(resource["attributes"]["external_id"])

    def existing(self, kind: CatalogKind, ids: Iterable[str]) -> set[str]:
        """Those of the external ids that are in the catalog."""
        return {str(resource["attributes"]["external_id"]) for resource in self.read(kind, ids)}

    def read(
        self, kind: CatalogKind, ids: Iterable[str], fields: Collection[str] = ()
    ) -> Iterator[dict[str, typing.Any]]:
        """The resources with these external ids, ``{"id", "attributes"}`` each, in no order; none for an id
        that is not there. ``attributes`` has ``external_id`` and the fields that are asked for.
        """
        query = {
            f"fields[{kind}]": ",".join(dict.fromkeys(("external_id", *fields))),
            "page[size]": str(PAGE),
        }
        for portion in portions(COMPOUND + identifier for identifier in ids if identifier):
            query["filter"] = f"any(ids,[{','.join(portion)}])"
            yield from self._transport.get_all(kind.listing, query)
