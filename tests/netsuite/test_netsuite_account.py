from __future__ import annotations

import pytest

from netsuite_connector.errors import MendError
from netsuite_connector.netsuite import Account


@pytest.mark.parametrize("spelling", ["1234567_SB1", "1234567-sb1", " 1234567_sb1 "])
def test_either_spelling_of_an_account_id_gives_realm_and_hosts(spelling: str) -> None:
    account = Account.of(spelling)

    assert account.realm == "1234567_SB1"
    assert account.restlet_url == "https://1234567-sb1.restlets.api.netsuite.com/app/site/hosting/restlet.nl"
    assert (
        account.token_url
        == "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token"
    )


def test_base_urls_can_be_given_as_the_company_urls_page_shows_them() -> None:
    account = Account.of("1", restlet_base="http://127.0.0.1:8001/", suitetalk_base="http://127.0.0.1:8002")

    assert account.restlet_url == "http://127.0.0.1:8001/app/site/hosting/restlet.nl"
    assert account.token_url == "http://127.0.0.1:8002/services/rest/auth/oauth2/v1/token"


def test_a_deployments_external_url_works_as_restlet_base() -> None:
    external = "https://1.restlets.api.netsuite.com/app/site/hosting/restlet.nl?script=7&deploy=1"

    assert Account.of("1", restlet_base=external).restlet_url == external.partition("?")[0]


@pytest.mark.parametrize("field", ["restlet_base", "suitetalk_base"])
def test_an_address_where_others_could_read_along_is_refused(field: str) -> None:
    with pytest.raises(MendError, match=r"begins with http://.* begin it with https://"):
        Account.of("1", **{field: "http://1.restlets.api.netsuite.com"})


@pytest.mark.parametrize("wrong", ["", "12 34", "https://1234567.app.netsuite.com", "1234567_", "a@b"])
def test_what_is_no_account_id_is_refused(wrong: str) -> None:
    with pytest.raises(MendError, match="no NetSuite account id"):
        Account.of(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        "1.restlets.api.netsuite.com",
        "ftp://x",
        "https://",
        "http://me:secret@host",
        "http://h:port",
        "http://[",
    ],
)
def test_what_is_no_web_address_is_refused_without_showing_it(wrong: str) -> None:
    with pytest.raises(MendError, match="must look like https://") as caught:
        Account.of("1", restlet_base=wrong)

    assert "secret" not in str(caught.value)
