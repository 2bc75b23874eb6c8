"""The client against the sandbox account, which checks each request as Klaviyo does."""

from __future__ import annotations

import concurrent.futures
import logging
import pathlib

import pytest
import requests
from klaviyo_records import (
    EVENTS,
    IMPORTS,
    QUICK,
    Connect,
    deliver,
    encode,
    event,
    item,
    item_update,
    one_batch,
    profile,
    variant,
)

from netsuite_connector.errors import LimitError
from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.batching import Batch, Record, split
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import COMPOUND, Bulk
from netsuite_connector.klaviyo.errors import (
    KlaviyoFaultError,
    KlaviyoJobError,
    KlaviyoKeyError,
    KlaviyoScopeError,
)
from netsuite_connector.klaviyo.limiter import FileWindows, Limiter
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox


def test_the_account_of_the_key(connect: Connect) -> None:
    account = connect().account()
    assert account["id"]
    assert account["attributes"]["preferred_currency"]


def test_profiles_arrive_and_can_be_read_back_over_many_pages(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    client = connect()
    [batch] = split(
        (profile(number, properties={"Tier": "gold"}) for number in range(250)), Bulk.PROFILE_IMPORT
    )
    assert isinstance(batch, Batch)
    pushed = client.push(batch, Bulk.PROFILE_IMPORT)
    result = client.follow(Bulk.PROFILE_IMPORT, pushed.jobs[0].id, pushed.jobs[0].records, pause=QUICK)
    assert (result.total, result.failed, result.rejected, result.unplaced) == (250, 0, (), 0)
    found = {profile["attributes"]["external_id"] for profile in client.profiles()}
    assert found == {f"x{number}" for number in range(250)}
    assert len(sandbox.rows("profiles")) == 250


def test_many_bad_of_many_lose_only_themselves(connect: Connect, sandbox: SandboxAccount) -> None:
    bad = {3, 50, 51, 299}
    records = [profile(n, **({"email": "nobody"} if n in bad else {})) for n in range(300)]
    records[77] = profile(77, phone_number="12", properties={})
    result = connect().push(one_batch(*records), Bulk.PROFILE_IMPORT)
    assert [rejection.key for rejection in result.rejected] == ["x3", "x50", "x51", "x77", "x299"]
    assert result.rejected[0].reasons == ("Klaviyo on email: Invalid email address",)
    assert result.rejected[3].reasons[0].startswith("Klaviyo on phone_number: ")
    assert len(result.accepted) == 295
    sandbox.settled()
    assert len(sandbox.rows("profiles")) == 295


def test_profiles_that_fail_in_the_job_are_rejected_with_klaviyos_words(connect: Connect) -> None:
    # 120 failures are two pages of import errors
    bare = [profile(n, email=None, external_id=None, first_name="No identifier") for n in range(120)]
    result = deliver(connect(), Bulk.PROFILE_IMPORT, profile(500), *bare, profile(501))
    assert (result.total, result.completed, result.failed, result.unplaced) == (122, 2, 120, 0)
    assert [rejection.key for rejection in result.rejected] == [f"x{n}" for n in range(120)]
    assert "is required" in result.rejected[0].reasons[0]


def test_another_process_can_follow_a_job_by_id_and_keys(connect: Connect, sandbox: SandboxAccount) -> None:
    nobody = profile(1, email=None, external_id=None, first_name="No identifier")
    [job] = connect().push(one_batch(profile(0), nobody), Bulk.PROFILE_IMPORT).jobs
    keys = [Record(record.key, b"", record.rows) for record in job.records]
    result = connect().follow(Bulk.PROFILE_IMPORT, job.id, keys, pause=QUICK)
    assert [rejection.key for rejection in result.rejected] == ["x1"]


def test_an_expired_job_says_so(connect: Connect, sandbox: SandboxAccount) -> None:
    [job] = connect().push(one_batch(profile(0)), Bulk.PROFILE_IMPORT).jobs
    sandbox.settled()
    sandbox.skip_time(8 * 86_400)
    with pytest.raises(KlaviyoJobError, match="7 days"):
        connect().follow(Bulk.PROFILE_IMPORT, job.id, job.records, pause=QUICK)


def test_events_arrive_once_however_often_they_are_pushed(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    batch = one_batch(*(event(number) for number in range(40)))
    for _ in range(2):
        result = client.push(batch, Bulk.EVENT_CREATE)
        assert (len(result.accepted), result.rejected, result.jobs) == (40, (), ())
    sandbox.settled()
    assert len(sandbox.rows("events")) == 40
    read_back = list(client.events({"filter": "greater-than(datetime,2025-12-31T00:00:00Z)"}))
    assert len(read_back) == 40


def test_bad_events_are_rejected_by_the_record_they_came_in(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    records = [event(n) for n in range(20)]
    records[4] = event(4, time="1985-01-01T00:00:00Z")
    records[9] = event(9, value_currency="euro")
    records[15] = event(15, unique_id="order-1")  # p1, as order 1 and 15 % 7
    result = connect().push(one_batch(*records), Bulk.EVENT_CREATE)
    assert [rejection.key for rejection in result.rejected] == ["order-4", "order-9", "order-15"]
    assert "events.time" in result.rejected[0].reasons[0]
    sandbox.settled()
    assert len(sandbox.rows("events")) == 17


def test_items_and_variants_are_created_updated_and_found(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    odd = 'A "b", (c) & d+e/1'
    keys = [f"I{number}" for number in range(98)] + ["ümlaut", odd]
    created = deliver(client, Bulk.ITEM_CREATE, *(item(key) for key in keys))
    assert (created.failed, created.rejected, created.rerouted) == (0, (), ())
    assert client.existing_items([*keys, "unknown", "I1"]) == set(keys)
    assert deliver(client, Bulk.VARIANT_CREATE, variant("V1", "I1"), variant("V2", odd)).failed == 0
    assert client.existing_variants({"V1", "V2", "V3"}) == {"V1", "V2"}
    change = encode("V1", {"type": "catalog-variant", "id": COMPOUND + "V1", "attributes": {"price": 1.5}})
    assert deliver(client, Bulk.VARIANT_UPDATE, change).failed == 0
    assert deliver(client, Bulk.ITEM_UPDATE, item_update("I1", title="Cup")).failed == 0
    assert {row["sku"]: row["price"] for row in sandbox.rows("variants")}["SKU-V1"] == 1.5
    assert client.existing_items([]) == set()


def test_many_ids_are_asked_for_in_portions(connect: Connect) -> None:
    client = connect()
    keys = [f"{'long ünique id ' * 4}{number}" for number in range(100)]
    deliver(client, Bulk.ITEM_CREATE, *(item(key) for key in keys))
    assert client.existing_items([*keys, *(f"no-{number}" for number in range(300))]) == set(keys)


def test_a_create_of_what_is_there_and_an_update_of_what_is_not_are_rerouted(connect: Connect) -> None:
    client = connect()
    deliver(client, Bulk.ITEM_CREATE, item("I1"))
    large = {"note": "x" * 101_000}
    created = deliver(
        client, Bulk.ITEM_CREATE, item("I0"), item("I1"), item("I2", custom_metadata=large), item("I3")
    )
    assert created.rerouted == ("I1",)
    assert [rejection.key for rejection in created.rejected] == ["I2"]
    assert (created.failed, created.unplaced) == (2, 0)
    updated = deliver(
        client, Bulk.ITEM_UPDATE, item_update("I1", title="Cup"), item_update("I9", title="Cup")
    )
    assert (updated.rerouted, updated.rejected) == (("I9",), ())


def test_a_variant_without_its_item_is_rejected(connect: Connect) -> None:
    result = deliver(connect(), Bulk.VARIANT_CREATE, variant("V1", "nothing"))
    assert [rejection.key for rejection in result.rejected] == ["V1"]
    assert result.rerouted == ()


@pytest.mark.parametrize(
    "fault", ["timeout_after_commit", "reset_after_commit", "reset", "html_502", "error_503"]
)
def test_whatever_breaks_nothing_is_lost_and_nothing_arrives_twice(
    connect: Connect, sandbox: SandboxAccount, fault: str
) -> None:
    client = connect(read=0.4)
    sandbox.fault(fault, endpoint=IMPORTS)
    sandbox.fault(fault, endpoint=EVENTS)
    result = deliver(client, Bulk.PROFILE_IMPORT, *(profile(number) for number in range(20)))
    assert result.failed == 0
    assert len(client.push(one_batch(*(event(n) for n in range(20))), Bulk.EVENT_CREATE).accepted) == 20
    sandbox.settled()
    assert len(sandbox.rows("profiles")) == 20
    assert len(sandbox.rows("events")) == 20


def test_items_created_twice_after_a_lost_answer_come_back_to_be_updated(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    sandbox.fault("timeout_after_commit", endpoint="POST /api/catalog-item-bulk-create-jobs")
    result = deliver(connect(read=0.4), Bulk.ITEM_CREATE, item("I1"), item("I2"))
    assert (result.rejected, result.rerouted, result.unplaced) == ((), ("I1", "I2"), 0)
    assert len(sandbox.rows("items")) == 2


def test_throttling_with_no_time_to_wait_is_survived_and_a_lasting_one_is_told(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    sandbox.fault("throttle", times=2, retry_after=0, endpoint=IMPORTS)
    assert len(connect().push(one_batch(profile(0)), Bulk.PROFILE_IMPORT).accepted) == 1
    sandbox.fault("throttle", times=9, retry_after=0, endpoint=IMPORTS)
    with pytest.raises(LimitError):
        connect().push(one_batch(profile(0)), Bulk.PROFILE_IMPORT)


def test_a_fault_that_stays_is_told_and_later_the_same_batch_goes_through(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    sandbox.fault("html_403", times=3, endpoint=EVENTS)
    with pytest.raises(KlaviyoFaultError):
        connect().push(one_batch(event(1)), Bulk.EVENT_CREATE)
    assert len(connect().push(one_batch(event(1)), Bulk.EVENT_CREATE).accepted) == 1


def test_keys(connect: Connect, sandbox: SandboxAccount, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="netsuite_connector")
    with pytest.raises(KlaviyoKeyError, match="private key into the Klaviyo connection"):
        connect("pk_wrong").account()
    key = sandbox.make_key("profiles:read", "catalogs:read")
    with pytest.raises(KlaviyoScopeError, match="catalogs:write") as caught:
        connect(key).push(one_batch(item("I1")), Bulk.ITEM_CREATE)
    assert key not in caplog.text + str(caught.value)


def test_a_body_over_klaviyos_limit_is_halved_until_it_fits(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    records = [profile(n, properties={"note": "x" * 90_000}) for n in range(60)]
    result = connect().push(one_batch(*records), Bulk.PROFILE_IMPORT)
    assert [len(job.records) for job in result.jobs] == [30, 30]
    sandbox.settled()
    assert len(sandbox.rows("profiles")) == 60


def test_workers_that_share_the_counts_keep_within_klaviyos_windows(tmp_path: pathlib.Path) -> None:
    """The sandbox counts in Klaviyo's windows; three workers, each with its own client, share one file."""
    calls = 30
    with running_sandbox("--limits-scale", "2") as limited:

        def work(_: int) -> None:
            limiter = Limiter(FileWindows(tmp_path / "limits.sqlite"), account="one", scale=2)
            with requests.Session() as session:
                client = KlaviyoClient(session, base_url=limited.url, api_key=limited.key, limiter=limiter)
                for _ in range(calls // 3):
                    list(client.get_all(endpoints.METRICS, {}))

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            list(pool.map(work, range(3)))
        traffic = limited.state()["requests"]["GET /api/metrics"]
    # Without the shared count about ten would be refused; one may be, when a loaded machine delays a call.
    assert traffic["throttled"] <= 1
    assert traffic["requests"] == calls + traffic["throttled"]
