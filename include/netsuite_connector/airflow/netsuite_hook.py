"""The hook of connections of type *NetSuite*."""

from __future__ import annotations

from requests.auth import AuthBase

from netsuite_connector.airflow.session_hook import SessionHook
from netsuite_connector.errors import ConnectorError, MendError
from netsuite_connector.netsuite import (
    Account,
    NetSuiteClient,
    OAuth2ClientCredentials,
    open_slots,
    token_based,
)


class NetSuiteHook(SessionHook):
    """Makes a :class:`NetSuiteClient` of a connection.

    :param netsuite_conn_id: the connection's id. ``host`` is where RESTlets are called, empty for the
    account's own; the other settings are fields of the
        connection form (see :mod:`netsuite_connector.airflow.provider`).
    """

    conn_name_attr = "netsuite_conn_id"
    default_conn_name = "netsuite_default"
    conn_type = "netsuite"
    hook_name = "NetSuite"

    def __init__(self, netsuite_conn_id: str = default_conn_name) -> None:
        super().__init__(netsuite_conn_id)

    def client(self, concurrency: int = 1) -> NetSuiteClient:
        """A client with a session of its own, which with all other tasks together has at most ``concurrency``
        calls under way. Raises MendError naming the field that is missing or wrong.
        """
        connection = self.get_connection(self.conn_id)
        extra = connection.extra_dejson
        account = Account.of(
            self.setting(extra, "account", "account id"),
            restlet_base=connection.host or None,
            suitetalk_base=extra.get("suitetalk_url") or None,
        )
        # The provider works the session's adapters out from the host; without one it is the account's own
        # address.
        self.default_host = account.restlet_url
        session = self.session()
        auth: AuthBase
        if (extra.get("auth") or "oauth2") == "oauth2":
            auth = OAuth2ClientCredentials(
                session=session,
                token_url=account.token_url,
                client_id=self.setting(extra, "client_id", "client id"),
                certificate_id=self.setting(extra, "certificate_id", "certificate id"),
                private_key=self.setting(extra, "private_key", "private key"),
                algorithm=extra.get("algorithm") or None,
            )
        elif extra["auth"] == "tba":
            auth = token_based(
                account,
                consumer_key=self.setting(extra, "consumer_key", "consumer key"),
                consumer_secret=self.setting(extra, "consumer_secret", "consumer secret"),
                token_id=self.setting(extra, "token_id", "token id"),
                token_secret=self.setting(extra, "token_secret", "token secret"),
            )
        else:
            raise MendError(
                f"Connection '{self.conn_id}' has the authentication '{extra['auth']}': choose oauth2 or tba."
            )
        names = {name: extra[name] for name in ("script", "deploy") if extra.get(name)}
        slots = open_slots(self.counts(extra.get("slots"), "netsuite-slots"), account.realm, concurrency)
        return NetSuiteClient(session, account.restlet_url, auth, slots=slots, **names)

    def test_connection(self) -> tuple[bool, str]:
        """Call the RESTlet once, for the form's *Test* button."""
        try:
            about = self.client().about()
        except ConnectorError as error:
            return False, str(error)
        return True, f"Account {about.account} answers; the RESTlet is version {about.version}."
