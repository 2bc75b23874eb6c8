"""Where a NetSuite account is reached."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from netsuite_connector.netsuite.errors import NetSuiteSettingError
from netsuite_connector.web_address import is_read_on_the_way

RESTLET_PATH = "/app/site/hosting/restlet.nl"
TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"  # noqa: S105 - a path
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9]+([_-][A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Account:
    """A NetSuite account's name in OAuth 1.0 headers and its two addresses.

    ``realm``: ``1234567_SB1``. ``restlet_url``: what RESTlets are called at. ``token_url``: where OAuth 2.0
    tokens come from (on the *suitetalk* host, though the tokens are for RESTlets; it is also the audience
    that assertions name).
    """

    realm: str
    restlet_url: str
    token_url: str

    @classmethod
    def of(
        cls, account_id: str, *, restlet_base: str | None = None, suitetalk_base: str | None = None
    ) -> Account:
        """Work out the addresses from an account id in either spelling, ``1234567_SB1`` or ``1234567-sb1``.

        ``restlet_base`` and ``suitetalk_base`` replace the two hosts; NetSuite shows them under Setup >
        Company > Company Information > Company URLs, and advises to take them from there. A base that has a
        path is taken as the whole address. Raises NetSuiteSettingError for an id or an address that can't be
        one.
        """
        name = account_id.strip()
        if not _ACCOUNT_ID.fullmatch(name):
            raise NetSuiteSettingError(
                f"{account_id!r} is no NetSuite account id: copy it from Setup > Company > Company "
                "Information, for example 1234567 or 1234567_SB1."
            )
        # A header says 1234567_SB1, a host name 1234567-sb1.
        host = name.lower().replace("_", "-")
        return cls(
            realm=name.upper().replace("-", "_"),
            restlet_url=address(restlet_base or f"https://{host}.restlets.api.netsuite.com", RESTLET_PATH),
            token_url=address(suitetalk_base or f"https://{host}.suitetalk.api.netsuite.com", TOKEN_PATH),
        )


def address(base: str, path: str) -> str:
    """``base`` without its query, and with ``path`` if it has none of its own.

    Raises NetSuiteSettingError for what is no web address.
    """
    try:
        parts = urlsplit(base.strip())
        good = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.username or parts.password:
        # The text itself is not shown: it may hold a password.
        raise NetSuiteSettingError(
            "A NetSuite base URL must look like https://1234567.restlets.api.netsuite.com, without a user "
            "name: correct it."
        )
    own = parts.path.rstrip("/")
    if is_read_on_the_way(base.strip()):
        raise NetSuiteSettingError(
            f"A NetSuite base URL begins with http://, so that others could read what is sent to "
            f"{parts.hostname}: begin it with https://."
        )
    # The external URL of a deployment carries ?script=…&deploy=…, which the client adds itself.
    return urlunsplit((parts.scheme, parts.netloc, own or path, "", ""))
