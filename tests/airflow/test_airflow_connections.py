"""The connection types: their forms, what they send, and the *Test* button."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest

from netsuite_connector.airflow.klaviyo_hook import KlaviyoHook
from netsuite_connector.airflow.netsuite_hook import NetSuiteHook
from netsuite_connector.airflow.provider import get_provider_info
from netsuite_connector.errors import MendError
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite


@pytest.fixture(scope="module")
def netsuite() -> Iterator[SandboxAccount]:
    with running_netsuite() as account:
        yield account


def connect(patch: pytest.MonkeyPatch, name: str, **connection: Any) -> None:
    patch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))


def oauth2(account: SandboxAccount) -> dict[str, Any]:
    credentials = account.credentials
    return {
        "account": credentials.account,
        "suitetalk_url": account.url,
        "client_id": credentials.client_id,
        "certificate_id": credentials.certificate_id,
        "private_key": credentials.private_key,
    }


def test_airflow_finds_the_provider_and_its_hooks() -> None:
    (entry,) = (entry for entry in entry_points(group="apache_airflow_provider") if "netsuite" in entry.value)
    types = {each["connection-type"]: each for each in entry.load()()["connection-types"]}
    assert set(types) == {"netsuite", "klaviyo"}
    for name, described in types.items():
        module, _, hook = described["hook-class-name"].rpartition(".")
        assert getattr(importlib.import_module(module), hook).conn_type == name


@pytest.mark.parametrize(
    "secret", ["private_key", "consumer_key", "consumer_secret", "token_id", "token_secret"]
)
def test_secrets_are_typed_unseen(secret: str) -> None:
    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    assert fields[secret]["schema"]["format"] == "password"


def test_the_netsuite_connection_tests_itself(
    netsuite: SandboxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "ns", conn_type="netsuite", host=netsuite.url, extra=oauth2(netsuite))
    right, message = NetSuiteHook("ns").test_connection()
    assert right, message
    assert netsuite.credentials.account in message
    connect(
        monkeypatch,
        "ns",
        conn_type="netsuite",
        host=netsuite.url,
        extra=oauth2(netsuite) | {"client_id": "x"},
    )
    wrong, message = NetSuiteHook("ns").test_connection()
    assert not wrong
    assert "client id" in message


def test_token_based_authentication_works_too(
    netsuite: SandboxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = netsuite.credentials
    extra = {
        "account": credentials.account,
        "auth": "tba",
        "consumer_key": credentials.consumer_key,
        "consumer_secret": credentials.consumer_secret,
        "token_id": credentials.token_id,
        "token_secret": credentials.token_secret,
    }
    connect(monkeypatch, "ns", conn_type="netsuite", host=netsuite.url, extra=extra)
    assert NetSuiteHook("ns").test_connection()[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"account": ""}, "Connection 'ns' has no account id: fill in the field 'account'."),
        ({"private_key": None}, "Connection 'ns' has no private key: fill in the field 'private_key'."),
        ({"private_key": "nonsense"}, "private key"),
        ({"auth": "basic"}, "choose oauth2 or tba"),
    ],
)
def test_a_field_that_is_missing_or_wrong_is_named(
    netsuite: SandboxAccount, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], sentence: str
) -> None:
    connect(monkeypatch, "ns", conn_type="netsuite", host=netsuite.url, extra=oauth2(netsuite) | change)
    with pytest.raises(MendError, match=sentence):
        NetSuiteHook("ns").client()


def test_nothing_of_the_connection_goes_on_the_wire_as_a_header(
    netsuite: SandboxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(
        monkeypatch,
        "ns",
        conn_type="netsuite",
        host=netsuite.url,
        login="me",
        password="pw",
        extra=oauth2(netsuite),
    )
    hook = NetSuiteHook("ns")
    hook.client()
    session = hook.session()
    assert session.auth is None
    assert not {"account", "client_id", "private_key", "certificate_id"} & {
        name.lower() for name in session.headers
    }


def test_machines_count_together_where_the_environment_says(
    netsuite: SandboxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "ns", conn_type="netsuite", host=netsuite.url, extra=oauth2(netsuite))
    connect(monkeypatch, "kl", conn_type="klaviyo", host="http://127.0.0.1:9", password="pk_x")
    monkeypatch.setenv("NETSUITE_CONNECTOR_LIMITS", "redis://:secret@127.0.0.1:9/1")
    for hook in (NetSuiteHook("ns"), KlaviyoHook("kl")):
        right, message = hook.test_connection()
        assert not right
        assert "Redis" in message
        assert "secret" not in message


@pytest.mark.parametrize("host", ["a.klaviyo.com", "https://a.klaviyo.com", None])
def test_klaviyos_address_has_tls_unless_somebody_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, host: str | None
) -> None:
    connect(monkeypatch, "kl", conn_type="klaviyo", host=host, password="pk_x")
    hook = KlaviyoHook("kl")
    hook.session()
    assert hook.base_url == "https://a.klaviyo.com"


def test_the_address_follows_from_the_account(
    monkeypatch: pytest.MonkeyPatch, netsuite: SandboxAccount
) -> None:
    extra = oauth2(netsuite) | {"account": "1234567-sb1", "suitetalk_url": ""}
    connect(monkeypatch, "ns", conn_type="netsuite", extra=extra)
    hook = NetSuiteHook("ns")
    hook.client()
    assert hook.base_url.startswith("https://1234567-sb1.restlets.api.netsuite.com")


def test_the_klaviyo_connection_tests_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    with running_klaviyo() as klaviyo:
        extra = {"limits_scale": 100, "limiter": str(tmp_path / "limits.sqlite")}
        connect(monkeypatch, "kl", conn_type="klaviyo", host=klaviyo.url, password=klaviyo.key, extra=extra)
        right, message = KlaviyoHook("kl").test_connection()
        assert right, message
        connect(monkeypatch, "kl", conn_type="klaviyo", host=klaviyo.url, password="pk_wrong", extra=extra)
        wrong, message = KlaviyoHook("kl").test_connection()
        assert not wrong
        assert "pk_wrong" not in message
    connect(monkeypatch, "kl", conn_type="klaviyo")
    assert KlaviyoHook("kl").test_connection() == (
        False,
        "Connection 'kl' has no private API key: fill in the field 'password'.",
    )
