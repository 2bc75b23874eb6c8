"""Which e-mail addresses pass."""

from __future__ import annotations

import re

import pytest

from netsuite_connector.domains.emails import EMAIL_PATTERN, email_field


@pytest.mark.parametrize(
    "address",
    ["a@b.co", "jane.doe+vip@mail.shop.example", "O'Hara_9@x-y.museum", "j@1.example", "JANE@SHOP.EXAMPLE"],
)
def test_an_address_passes(address: str) -> None:
    assert re.fullmatch(EMAIL_PATTERN, address)


@pytest.mark.parametrize(
    "address",
    [
        "jane",
        "jane@shop",
        "jane@@shop.example",
        "jane.@shop.example",
        ".jane@shop.example",
        "ja..ne@shop.example",
        "jane doe@shop.example",
        "jane@shop..example",
        "jane@-shop.example",
        "jane@shop.example.",
        "jane@shop.e",
        "jané@shop.example",
        "jane@shop.example, joe@shop.example",
    ],
)
def test_an_address_is_refused(address: str) -> None:
    assert not re.fullmatch(EMAIL_PATTERN, address)


@pytest.mark.parametrize(
    ("address", "kept"),
    [("a@example.com", False), ("a@TEST.com", False), ("a@example.org", True), ("a@mytest.com", True)],
)
def test_events_of_domains_that_klaviyo_drops_are_refused(address: str, kept: bool) -> None:  # noqa: FBT001
    forbidden = email_field(events=True).forbidden
    assert forbidden is not None
    assert (re.fullmatch(forbidden.pattern, address) is None) is kept
    assert re.fullmatch(EMAIL_PATTERN, address)


def test_a_long_line_of_dots_is_decided_at_once() -> None:
    assert not re.fullmatch(EMAIL_PATTERN, "a." * 5000 + "@")
