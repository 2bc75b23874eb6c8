"""The hook of connections of type *Klaviyo*."""

from __future__ import annotations

from airflow.sdk.log import mask_secret

from netsuite_connector.airflow.session_hook import SessionHook
from netsuite_connector.errors import ConnectorError, MendError
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.connection import connect
from netsuite_connector.klaviyo.endpoints import REVISION
from netsuite_connector.klaviyo.limiter import open_windows


class KlaviyoHook(SessionHook):
    """Makes a :class:`KlaviyoClient` of a connection.

    :param klaviyo_conn_id: the connection's id. ``password`` is the private API key, ``host`` the API's
    address if it is not Klaviyo's own.
    """

    conn_name_attr = "klaviyo_conn_id"
    default_conn_name = "klaviyo_default"
    conn_type = "klaviyo"
    hook_name = "Klaviyo"
    default_host = "https://a.klaviyo.com"

    def __init__(self, klaviyo_conn_id: str = default_conn_name) -> None:
        super().__init__(klaviyo_conn_id)

    def client(self, *, background: bool = False) -> KlaviyoClient:
        """A client with a session of its own, which keeps the account's limits together with all other tasks,
        and leaves the others the first share of them if it works in the ``background``.

        Raises MendError naming the field that is missing.
        """
        connection = self.get_connection(self.conn_id)
        key = connection.password
        if not key:
            raise MendError(
                f"Connection '{self.conn_id}' has no private API key: fill in the field 'password'."
            )
        mask_secret(key)
        extra = connection.extra_dejson
        return connect(
            self.session(),
            open_windows(self.counts(extra.get("limiter"), "klaviyo-limits.sqlite")),
            base_url=self.base_url,
            api_key=key,
            revision=extra.get("revision") or REVISION,
            scale=float(extra.get("limits_scale") or 1.0),
            background=background,
        )

    def test_connection(self) -> tuple[bool, str]:
        """Ask Klaviyo whose key it is, for the form's *Test* button."""
        try:
            account = self.client().account()
        except ConnectorError as error:
            return False, str(error)
        name = account.get("attributes", {}).get("contact_information", {}).get("organization_name")
        return (
            True,
            f"The key belongs to the Klaviyo account {account.get('id')}{f' ({name})' if name else ''}.",
        )
