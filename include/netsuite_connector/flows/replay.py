"""Replay: records of the list of rejected rows, read anew from NetSuite and sent through all stages."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any

from netsuite_connector.domains.consents import FLOW as CONSENTS
from netsuite_connector.errors import MendError
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_with
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.plan import Asked, Plan, finish
from netsuite_connector.flows.push import push
from netsuite_connector.flows.rejections import Wanted, rejected
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.settings import settings_of
from netsuite_connector.flows.shape import shape
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.stores.configuration import NETSUITE, Configured
from netsuite_connector.window import Window


class NoReplayError(MendError):
    """The flow can't be replayed as its settings are; other flows can."""


def plan_replay(
    run: Run, client: NetSuiteClient, wanted: Wanted, name: str, *, dry_run: bool = False
) -> Plan | None:
    """Plan a run over the records that have ``wanted`` rejected rows; None when there are none.

    ``name`` tells the replay from others, and is the same on every try of it. Its ids are written into the
    run's folder. Records of a derived source can't be read by themselves: they come again with the rows that
    they are made of. The run never moves the high-water mark, and gates don't stop it. Raises NoReplayError
    for a flow that is switched off, for consents, and, unless it is a dry run, for a catalog that is a feed.
    """
    if run.domain.flow == CONSENTS:
        raise NoReplayError(
            f"The flow '{CONSENTS}' of '{run.store.store}' can't be replayed, as it decides by all that is "
            f"known of a person: mend the records, and trigger the DAG '{CONSENTS}'."
        )
    found = settings_of(run.store, client)
    replay = blake2b(name.encode(), digest_size=8).hexdigest()
    asked = Asked(dry_run=dry_run, ignore_gates=True, replay=replay)
    domain = domain_with(found.store, run.domain)
    planned = replace(run, store=found.store, domain=domain, window=Window(), dry_run=dry_run, replay=replay)
    _check_replayable(planned, found)
    place = planned.document("ids.json")
    ids: dict[str, list[int]] | None = run.staging.read_json(place)
    if ids is None:
        chosen: dict[str, set[int]] = {source.name: set() for source in domain.shaped}
        for row in rejected(planned, wanted):
            if row.source in chosen:
                chosen[row.source].add(row.id)
        ids = {source: sorted(each) for source, each in chosen.items()}
        run.staging.write_json(place, ids)
    if not any(ids.values()):
        return None
    return Plan(
        asked=asked,
        start=None,
        end=None,
        settings=found.store.model_dump(mode="json", exclude_unset=True),
        origins=found.origins,
        mark=None,
        switched_off=False,
    )


def _check_replayable(run: Run, found: Configured) -> None:
    """Raise NoReplayError unless the flow can be replayed."""
    store, flow = run.store.store, run.domain.flow
    settings = run.store.flows.get(flow)
    if settings is not None and not settings.enabled:
        record = found.origins.get(f"flows.{flow}.enabled") == NETSUITE
        where = "its configuration record in NetSuite" if record else "the store's YAML file"
        raise NoReplayError(
            f"The flow '{flow}' of store '{store}' is switched off in {where}: its rejected rows stay on the "
            "list; switch it on to replay them."
        )
    # Klaviyo deletes what is not in the feed.
    if run.domain.feed and not run.dry_run:
        raise NoReplayError(
            f"The catalog of store '{store}' is a feed, and one of the replayed items only would empty "
            f"Klaviyo's catalog of all others: trigger the flow '{flow}' itself, which reads all items anew."
        )


def replay(
    run: Run, netsuite: NetSuiteClient, klaviyo: KlaviyoClient | None, wanted: Wanted, name: str
) -> dict[str, Any] | None:
    """A replay from its plan to its report, in this process; a dry run without a ``klaviyo`` client. Returns
    the report, or None when there is nothing to replay. Raises NoReplayError as :func:`plan_replay` does.
    """
    # What checks rows takes seconds to import.
    from netsuite_connector.flows.validate import validate

    made = plan_replay(run, netsuite, wanted, name, dry_run=klaviyo is None)
    if made is None:
        return None
    planned = made.run(run)
    extracted = extract(planned, netsuite)
    validated = validate(planned)
    shaped = shape(planned)
    pushed = push(planned, klaviyo)
    confirmed = None if klaviyo is None else confirm(planned, klaviyo)
    return finish(planned, made, report(planned, extracted, validated, shaped, pushed, confirmed))
