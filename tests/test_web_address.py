"""To which addresses secrets may be sent."""

from __future__ import annotations

import pytest

from netsuite_connector.web_address import is_read_on_the_way


@pytest.mark.parametrize(
    "url",
    [
        "https://a.klaviyo.com",
        "http://127.0.0.1:8182",
        "http://[::1]:8182",
        "http://10.0.0.5",
        "http://localhost:8182",
        "http://sandbox-klaviyo:8182",
        "http://klaviyo.sandbox.svc.cluster.local",
    ],
)
def test_tls_and_neighbours_keep_a_secret(url: str) -> None:
    assert not is_read_on_the_way(url)


@pytest.mark.parametrize(
    "url",
    ["http://a.klaviyo.com", "HTTP://A.KLAVIYO.COM./api", "http://8.8.8.8:8080", "http://[2600::1]/"],
)
def test_far_hosts_without_tls_do_not(url: str) -> None:
    assert is_read_on_the_way(url)
