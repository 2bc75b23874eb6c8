"""A hook whose connection and session come through Airflow's HTTP provider, without what that provider does
to secrets.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.log import mask_secret

from netsuite_connector.errors import MendError

# Options of a connection's extra that are a session's and no secret (the HTTP provider's names for them).
_SESSION_OPTIONS = ("verify", "cert", "proxies", "trust_env")


class SessionHook(HttpHook):
    """Gives a client a session with the HTTP provider's keep-alive and TLS options.

    The provider would send every other key of the connection's extra as a request header, secrets among them,
    and would log in with login and password;
    here nothing of the connection goes on the wire but what the client itself signs. Its ``run`` is not used:
    it loses status and headers of failures.
    """

    def __init__(self, conn_id: str) -> None:
        super().__init__(http_conn_id=conn_id)
        self.conn_id = conn_id

    def session(self) -> requests.Session:
        """A new session. Raises MendError when the connection's address is none."""
        try:
            return self.get_conn()
        except ValueError as error:
            raise MendError(f"The host of connection '{self.conn_id}' is no web address: {error}.") from None

    def counts(self, said: str | None, file: str) -> str | Path:
        """Where all tasks together count their calls: where the connection says, or the environment variable
        ``NETSUITE_CONNECTOR_LIMITS`` (a Redis, for several machines), or a file of this name in AIRFLOW_HOME.
        """
        place = said or os.environ.get("NETSUITE_CONNECTOR_LIMITS")
        if not place:
            return Path(os.environ.get("AIRFLOW_HOME") or Path.home() / "airflow") / file
        password = place.partition("://")[2].rpartition("@")[0].partition(":")[2]
        if password:
            mask_secret(password)
        return place

    def setting(self, extra: dict[str, Any], name: str, what: str) -> str:
        """A mandatory field of the connection. Raises MendError naming the field when it is empty."""
        value = extra.get(name)
        if not value:
            raise MendError(f"Connection '{self.conn_id}' has no {what}: fill in the field '{name}'.")
        return str(value)

    def _set_base_url(self, connection: Any) -> None:
        super()._set_base_url(connection)
        if "://" not in (connection.host or self.default_host) and not connection.schema:
            # The provider takes http then, and the first request would show the key to all on its way.
            self.base_url = "https" + self.base_url.removeprefix("http")

    def _configure_session_from_auth(self, session: requests.Session, connection: Any) -> requests.Session:  # noqa: ARG002
        return session

    def _configure_session_from_extra(
        self,
        session: requests.Session,
        connection: Any,
        extra_options: dict[str, Any],  # noqa: ARG002
    ) -> requests.Session:
        extra = connection.extra_dejson
        for secret in ("private_key", "consumer_key", "consumer_secret", "token_id", "token_secret"):
            if extra.get(secret):
                mask_secret(extra[secret])
        for option in _SESSION_OPTIONS:
            if option in extra:
                setattr(session, option, extra[option])
        return session
