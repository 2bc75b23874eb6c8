from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from netsuite_far_side import FarSide

from netsuite_connector.netsuite import Account, NetSuiteClient, token_based


@pytest.fixture
def far() -> Iterator[FarSide]:
    side = FarSide()
    yield side
    side.close()


@pytest.fixture
def account(far: FarSide) -> Account:
    return Account.of("1234567_SB1", restlet_base=far.url, suitetalk_base=far.url)


@pytest.fixture
def naps() -> list[float]:
    """The seconds that the client wanted to wait between tries."""
    return []


@pytest.fixture
def client(account: Account, naps: list[float]) -> Iterator[NetSuiteClient]:
    auth = token_based(account, consumer_key="ck", consumer_secret="cs", token_id="ti", token_secret="ts")
    with requests.Session() as session:
        yield NetSuiteClient(session, account.restlet_url, auth, timeout=(5.0, 5.0), sleep=naps.append)


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=3072)


@pytest.fixture(scope="session")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
