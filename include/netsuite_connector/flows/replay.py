"""Replay: records of the list of rejected rows, read anew from NetSuite and sent through all stages."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any

from netsuite_connector.flows.confirm import confirm
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
from netsuite_connector.window import Window


def plan_replay(
    run: Run, client: NetSuiteClient, wanted: Wanted, name: str, *, dry_run: bool = False
) -> Plan | None:
    """Plan a run over the records that have ``wanted`` rejected rows; None when there are none.

    ``name`` tells the replay from others, and is the same on every try of it. Its ids are written into the
    run's folder. Records of a derived source can't be read by themselves: they come again with the rows that
    they are made of. The run never moves the high-water mark, and gates don't stop it.
    """
    found = settings_of(run.store, client)
    replay = blake2b(name.encode(), digest_size=8).hexdigest()
    asked = Asked(dry_run=dry_run, ignore_gates=True, replay=replay)
    planned = replace(run, store=found.store, window=Window(), dry_run=dry_run, replay=replay)
    place = planned.document("ids.json")
    ids: dict[str, list[int]] | None = run.staging.read_json(place)
    if ids is None:
        chosen: dict[str, set[int]] = {source.name: set() for source in run.domain.shaped}
        for row in rejected(planned, wanted):
            if row.source in chosen:
                chosen[row.source].add(row.id)
        ids = {source: sorted(each) for source, each in chosen.items()}
        run.staging.write_json(place, ids)
    if not any(ids.values()):
        return None
    flow = found.store.flows.get(run.domain.flow)
    return Plan(
        asked=asked,
        start=None,
        end=None,
        settings=found.store.model_dump(mode="json", exclude_unset=True),
        origins=found.origins,
        mark=None,
        switched_off=flow is not None and not flow.enabled,
    )


def replay(
    run: Run, netsuite: NetSuiteClient, klaviyo: KlaviyoClient | None, wanted: Wanted, name: str
) -> dict[str, Any] | None:
    """A replay from its plan to its report, in this process; a dry run without a ``klaviyo`` client. Returns
    the report, or None when there is nothing to replay.
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
