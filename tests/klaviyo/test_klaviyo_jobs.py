"""Pushing and following against canned answers: what a real Klaviyo answers only seldom."""

from __future__ import annotations

import orjson
import pytest
from klaviyo_canned import Canned, Reply, errors

from netsuite_connector.errors import MendError, RemoteFaultError
from netsuite_connector.klaviyo.batching import Batch, Record
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import COMPOUND, Bulk
from netsuite_connector.klaviyo.errors import KlaviyoJobError, KlaviyoJobPendingError
from netsuite_connector.klaviyo.results import JobStatus

QUICK = (0.01, 0.02)
HTML_413 = Reply(413, b"<html>413 Request Entity Too Large</html>")


def taken(job_id: str) -> Reply:
    return Reply(202, {"data": {"type": "job", "id": job_id}})


def job(status: str, *, failed: int = 0, **more: object) -> Reply:
    counts = {"total_count": 3, "completed_count": 0 if status == "queued" else 3, "failed_count": failed}
    return Reply(200, {"data": {"id": "J1", "attributes": {"status": status, **counts, **more}}})


def import_errors(*attributes: dict[str, object], following: str | None = None) -> Reply:
    data = [{"type": "import-error", "id": "E", "attributes": entry} for entry in attributes]
    return Reply(200, {"data": data, "links": {"next": following}})


def batch(count: int) -> Batch:
    records = tuple(
        Record(
            f"k{n}", orjson.dumps({"type": "profile", "attributes": {"email": f"p{n}@doe.org"}}), rows=n + 1
        )
        for n in range(count)
    )
    return Batch(1, records, sum(len(record.payload) for record in records))


def sent(canned: Canned) -> list[int]:
    """How many records each request carried."""
    return [
        len(orjson.loads(request.body)["data"]["attributes"]["profiles"]["data"])
        for request in canned.requests
        if request.body
    ]


def pointing(*positions: int, detail: str = "Invalid email address") -> Reply:
    pointer = "/data/attributes/profiles/data/{}/attributes/email"
    return Reply(
        400, errors(*({"detail": detail, "source": {"pointer": pointer.format(n)}} for n in positions))
    )


def test_a_batch_too_large_for_something_on_the_way_is_halved(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [HTML_413, taken("A"), taken("B")]
    result = client.push(batch(5), Bulk.PROFILE_IMPORT)
    assert sent(canned) == [5, 2, 3]
    assert [record.key for record in result.accepted] == ["k0", "k1", "k2", "k3", "k4"]
    assert [(job.id, len(job.records)) for job in result.jobs] == [("A", 2), ("B", 3)]


def test_one_record_that_is_too_large_is_rejected_and_costs_no_other(
    client: KlaviyoClient, canned: Canned
) -> None:
    canned.replies = [HTML_413, HTML_413, taken("B")]
    result = client.push(batch(2), Bulk.PROFILE_IMPORT)
    assert [record.key for record in result.accepted] == ["k1"]
    [rejection] = result.rejected
    assert (rejection.key, rejection.rows) == ("k0", 1)
    assert "too large" in rejection.reasons[0]


def test_bad_records_that_show_one_after_the_other_are_all_rejected(
    client: KlaviyoClient, canned: Canned
) -> None:
    twice = {
        "detail": "Too long.",
        "source": {"pointer": "/data/attributes/profiles/data/1/attributes/title"},
    }
    first = pointing(1, 3)
    assert isinstance(first.body, dict)
    first.body["errors"].append(errors(twice)["errors"][0])
    canned.replies = [first, pointing(0), taken("A")]
    result = client.push(batch(5), Bulk.PROFILE_IMPORT)
    assert sent(canned) == [5, 3, 2]
    assert [(r.key, r.rows, r.reasons) for r in result.rejected] == [
        ("k0", 1, ("Klaviyo on email: Invalid email address",)),
        ("k1", 2, ("Klaviyo on email: Invalid email address", "Klaviyo on title: Too long.")),
        ("k3", 4, ("Klaviyo on email: Invalid email address",)),
    ]
    assert [record.key for record in result.jobs[0].records] == ["k2", "k4"]


def test_a_batch_of_bad_records_only_starts_no_job(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [pointing(0, 1)]
    result = client.push(batch(2), Bulk.PROFILE_IMPORT)
    assert (result.accepted, result.jobs, len(result.rejected)) == ((), (), 2)


def test_a_pointer_past_the_batch_is_nobodys_fault(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [pointing(7)]
    with pytest.raises(MendError, match="Invalid email address"):
        client.push(batch(2), Bulk.PROFILE_IMPORT)


def test_queued_is_not_done(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [job("queued"), job("processing"), job("complete")]
    result = client.follow(Bulk.PROFILE_IMPORT, "J1", batch(3).records, pause=QUICK)
    assert (result.status, result.total, result.completed, result.failed) == (JobStatus.COMPLETE, 3, 3, 0)
    assert len(canned.requests) == 3


def test_a_job_that_stays_queued_can_be_followed_again(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [job("queued")]
    with pytest.raises(KlaviyoJobPendingError, match="still queued") as caught:
        client.follow(Bulk.PROFILE_IMPORT, "J1", batch(3).records, timeout=0.1, pause=QUICK)
    assert isinstance(caught.value, RemoteFaultError)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (job("cancelled"), "cancelled the job J1 after 3 of 3"),
        (Reply(404, errors({"code": "not_found"})), "doesn't know the job J1"),
    ],
)
def test_a_job_without_result_says_that_its_records_must_be_pushed_again(
    client: KlaviyoClient, canned: Canned, reply: Reply, words: str
) -> None:
    canned.replies = [job("queued"), reply]
    with pytest.raises(KlaviyoJobError, match=f"{words}.*push its records again"):
        client.follow(Bulk.PROFILE_IMPORT, "J1", batch(3).records, pause=QUICK)


def test_import_errors_of_all_pages_are_found_by_what_was_sent(client: KlaviyoClient, canned: Canned) -> None:
    """Klaviyo's own entries point at ``/data``, and hold what was sent."""
    entry = {"code": "invalid", "title": "Invalid", "source": {"pointer": "/data"}}
    canned.replies = [
        job("complete", failed=3),
        import_errors(
            {**entry, "detail": "No such number", "original_payload": {"email": "P1@doe.org"}},
            following=canned.url + "/api/x?page%5Bcursor%5D=b",
        ),
        import_errors(
            {**entry, "detail": "Not allowed", "original_payload": {"attributes": {"email": "p0@doe.org"}}},
            {**entry, "detail": "Again", "original_payload": {"email": "p1@doe.org"}},
            {**entry, "detail": "Whose?", "original_payload": {"email": "nobody@doe.org"}},
        ),
    ]
    result = client.follow(Bulk.PROFILE_IMPORT, "J1", batch(3).records, pause=QUICK)
    assert [(r.key, r.rows, r.reasons) for r in result.rejected] == [
        ("k0", 1, ("Klaviyo: Not allowed",)),
        ("k1", 2, ("Klaviyo: No such number", "Klaviyo: Again")),
    ]
    assert (result.failed, result.unplaced) == (3, 1)


def test_another_process_needs_only_the_keys_where_these_are_external_ids(
    client: KlaviyoClient, canned: Canned
) -> None:
    canned.replies = [
        job("complete", failed=2),
        import_errors(
            {"detail": "A", "source": {"pointer": "/data"}, "original_payload": {"external_id": "7"}},
            {
                "detail": "B",
                "source": {"pointer": "/data/attributes/profiles/data/0/attributes/phone_number"},
            },
        ),
    ]
    records = [Record(key, b"") for key in ("5", "6", "7")]
    result = client.follow(Bulk.PROFILE_IMPORT, "J1", records, pause=QUICK)
    assert [(r.key, r.reasons) for r in result.rejected] == [
        ("5", ("Klaviyo on phone_number: B",)),
        ("7", ("Klaviyo: A",)),
    ]
    assert result.unplaced == 0


def test_failures_that_klaviyo_only_counts_are_told(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [job("complete", failed=2), import_errors()]
    result = client.follow(Bulk.PROFILE_IMPORT, "J1", batch(3).records, pause=QUICK)
    assert (result.failed, result.rejected, result.unplaced) == (2, (), 2)


@pytest.mark.parametrize(
    ("detail", "key"),
    [
        (f"Item {COMPOUND}b can't be kept.", "b"),
        (f"Item {COMPOUND}b.", "b"),
        (f"Item '{COMPOUND}b c' can't be kept.", "b c"),
    ],
)
def test_a_catalog_error_that_names_only_the_item_finds_it(
    client: KlaviyoClient, canned: Canned, detail: str, key: str
) -> None:
    entry = {
        "id": "E",
        "code": "invalid",
        "title": "Invalid",
        "detail": detail,
        "source": {},
    }
    canned.replies = [job("complete", failed=1, errors=[entry]), Reply(200, {"data": [], "links": {}})]
    records = [Record(key, b"") for key in ("a", "b", "b c")]
    result = client.follow(Bulk.ITEM_CREATE, "J1", records, pause=QUICK)
    assert [r.key for r in result.rejected] == [key]


def test_failures_without_a_count_are_counted_one_by_one(client: KlaviyoClient, canned: Canned) -> None:
    entry = {"id": "E", "code": "invalid", "title": "Invalid", "detail": "Bad."}
    known = {"source": {"pointer": "/data/attributes/items/data/1"}}
    canned.replies = [
        job("complete", errors=[entry | known, entry | {"source": {}}]),
        Reply(200, {"data": []}),
    ]
    result = client.follow(Bulk.ITEM_CREATE, "J1", [Record("a", b""), Record("b", b"")], pause=QUICK)
    assert [r.key for r in result.rejected] == ["b"]
    assert (result.failed, result.unplaced) == (2, 1)
