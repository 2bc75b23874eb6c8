"""Flows of a saved search of one's own, described in the store's YAML alone: support cases, reviews, warranty
registrations, whatever NetSuite holds that is somebody's by e-mail address.

Each row becomes a Klaviyo event, or a profile's properties. All other columns flow through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import TEXT_SUFFIX, ColumnType
from netsuite_connector.domains.columns import extra_columns, sent, values
from netsuite_connector.domains.emails import email_field
from netsuite_connector.domains.model import Domain, Field, Kind, Merge, Records, Site, Source
from netsuite_connector.domains.objects import encode, object_for, object_of
from netsuite_connector.errors import MendError

# The names of an event's properties that are no columns.
_PROPERTIES = ("NetSuite ID",)
_KEYS = ("internalid", "lineuniquekey")
_EVENT = object_of("properties", "time", "value", "value_currency", "unique_id", "metric", "backfill")


def event_domain(  # noqa: PLR0913 - the settings of a flow
    flow: str,
    search: str,
    *,
    metric: str,
    email: str,
    time: str,
    value: str | None,
    mandatory: Collection[str],
) -> Domain:
    """A flow whose rows are events: ``email``, ``time`` and ``value`` are columns of the search.

    An event's identity is the flow, the record's internal id and the line's key: it is sent once.
    """
    fields = [email_field(email, email, events=True), _field(time, ColumnType.DATETIME, required=True)]
    fields += [_field(value, ColumnType.NUMBER)] if value else []
    return Domain(
        flow=flow,
        title=metric,
        description=__doc__ or "",
        sources=(_source(flow, search, Kind.EVENT, fields, mandatory),),
        shaper=partial(_Events, metric=metric, email=email, time=time, value=value),
    )


def profile_domain(flow: str, search: str, *, email: str, mandatory: Collection[str]) -> Domain:
    """A flow whose rows are properties of profiles. Of several rows with one address the newest record (the
    highest internal id) speaks.
    """

    def keys(batch: pa.RecordBatch) -> list[str]:
        lower: list[str] = pc.utf8_lower(batch.column(email)).to_pylist()
        return lower

    def newest_first(_: Source, batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
        ids: npt.NDArray[np.int64] = batch.column("internalid").to_numpy()
        return -ids

    return Domain(
        flow=flow,
        title=flow,
        description=__doc__ or "",
        sources=(_source(flow, search, Kind.PROFILE, [email_field(email, email)], mandatory),),
        shaper=partial(_Profiles, email=email),
        merge=Merge(columns=("internalid", email), key=keys, rank=newest_first),
    )


def _field(name: str, type_: ColumnType = ColumnType.TEXT, *, required: bool = False) -> Field:
    return Field(name, name, type_, mandatory=True, required=required)


def _source(flow: str, search: str, kind: Kind, fields: list[Field], mandatory: Collection[str]) -> Source:
    known = {field.name for field in fields}
    more = [_field(name) for name in mandatory if name not in known]
    event = kind is Kind.EVENT
    return Source(
        flow,
        search,
        kind=kind,
        fields=(*fields, *more),
        once=event,
        properties=_PROPERTIES if event else (),
    )


class _Events:
    """Rows to ``event-bulk-create`` elements, one each."""

    def __init__(  # noqa: PLR0913 - what the domain fixes, then what every shaper gets
        self,
        source: Source,
        site: Site,
        columns: Collection[str],
        *,
        metric: str,
        email: str,
        time: str,
        value: str | None,
    ) -> None:
        self.warnings: Counter[str] = Counter()
        self._flow, self._site = source.name, site
        self._email, self._time, self._value = email, time, value
        self._search = source.search
        self._metric = {"data": {"type": "metric", "attributes": {"name": metric}}}
        known = {*_KEYS, email, time, *([value] if value else [])}
        self._extra = extra_columns(columns, known | {name + TEXT_SUFFIX for name in known})
        self._properties = object_for(site, *_PROPERTIES, extra=self._extra)

    def feed(self, batch: pa.RecordBatch) -> Records:
        """One event a row. Raises MendError where the column of the moment or of the amount holds none."""
        ids = batch.column("internalid").to_pylist()
        lines = values(batch, "lineuniquekey")
        subs = [line or 0 for line in lines]
        keys = [
            f"netsuite-{self._flow}-{id_}" + (f"-{line}" if line else "")
            for id_, line in zip(ids, lines, strict=True)
        ]
        amounts = self._amounts(batch, self._value) if self._value else [None] * len(ids)
        extra = [sent(batch, name, self._site.as_id) for name in self._extra]
        payloads = []
        for email, moment, amount, key, properties in zip(
            values(batch, self._email),
            self._moments(batch),
            amounts,
            keys,
            map(self._properties, map(str, ids), *extra),
            strict=True,
        ):
            event = _EVENT(
                properties,
                moment,
                amount,
                self._site.currency if amount is not None else None,
                key,
                self._metric,
                # History: recorded, but no Klaviyo flow e-mails anybody about it.
                True if moment < self._site.live_from else None,
            )
            payloads.append(_element(email.lower(), event))
        return Records(ids, subs, keys, [1] * len(ids), payloads)

    def finish(self) -> Records:
        """Nothing waits: a row is a record."""
        return Records()

    def _moments(self, batch: pa.RecordBatch) -> list[str]:
        kind = batch.schema.field(self._time).type
        moments = values(batch, self._time)
        if pa.types.is_timestamp(kind):
            return moments
        if pa.types.is_date(kind):
            return [f"{day}T00:00:00Z" for day in moments]
        raise MendError(
            f"The column {self._time} of saved search {self._search} is no date: name another column as the "
            f"'time' of the flow '{self._flow}'."
        )

    def _amounts(self, batch: pa.RecordBatch, name: str) -> list[Any]:
        kind = batch.schema.field(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise MendError(
                f"The column {name} of saved search {self._search} holds no numbers: name another column as "
                f"the 'value' of the flow '{self._flow}', or, if it is text that holds numbers, write "
                f"'{name}: {{to: {name}}}' under the flow's 'mapping.{self._flow}.columns'."
            )
        return values(batch, name)


class _Profiles:
    """Rows to ``profile`` elements of a profile bulk import job."""

    def __init__(self, source: Source, site: Site, columns: Collection[str], *, email: str) -> None:  # noqa: ARG002
        self.warnings: Counter[str] = Counter()
        self._email, self._as_id = email, site.as_id
        self._extra = extra_columns(columns, {*_KEYS, email})
        self._properties = object_of(*self._extra)

    def feed(self, batch: pa.RecordBatch) -> Records:
        """One record a row."""
        ids = batch.column("internalid").to_pylist()
        emails = [email.lower() for email in values(batch, self._email)]
        extra = [sent(batch, name, self._as_id) for name in self._extra]
        properties = map(self._properties, *extra) if extra else iter([self._properties()] * len(ids))
        payloads = [
            encode({"type": "profile", "attributes": {"email": email, "properties": row}})
            for email, row in zip(emails, properties, strict=True)
        ]
        return Records(ids, [0] * len(ids), emails, [1] * len(ids), payloads)

    def finish(self) -> Records:
        """Nothing waits: a row is a record."""
        return Records()


def _element(email: str, event: Any) -> bytes:
    """One event of one profile, as an event bulk create job takes it."""
    profile = {"data": {"type": "profile", "attributes": {"email": email}}}
    events = {"data": [{"type": "event", "attributes": event}]}
    return encode({"type": "event-bulk-create", "attributes": {"profile": profile, "events": events}})
