"""What can go wrong with NetSuite, each as one of the three kinds of failure that the whole product knows."""

from __future__ import annotations

from netsuite_connector.errors import ConnectorError, LimitError, MendError, RemoteFaultError


class NetSuiteError(ConnectorError):
    """Anything NetSuite; ``status`` is the HTTP status and ``code`` NetSuite's error code, None where there
    was none.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class NetSuiteLimitError(NetSuiteError, LimitError):
    """The account's concurrent requests are used up; ``retry_after`` is in seconds, None when NetSuite did
    not say.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.retry_after = retry_after


class NetSuiteFaultError(NetSuiteError, RemoteFaultError):
    """NetSuite, or the way there, is at fault: no connection, a time-out, a 5xx, an answer that is broken or
    contradicts itself.
    """


class NetSuiteMendError(NetSuiteError, MendError):
    """Something must be mended by a person, in NetSuite or in our settings."""


class NetSuiteSettingError(NetSuiteMendError):
    """A setting of ours can't be right: an account id, an address, a private key, an algorithm."""


class NetSuiteLoginError(NetSuiteMendError):
    """NetSuite doesn't accept who we say we are."""


class NetSuiteTokenError(NetSuiteLoginError):
    """The token endpoint refused our assertion, so there is no access token."""


class NetSuitePermissionError(NetSuiteMendError):
    """The role lacks a permission."""


class NetSuiteScriptError(NetSuiteMendError):
    """The RESTlet isn't there, isn't released, or isn't the one this client belongs to."""


class NetSuiteSearchError(NetSuiteMendError):
    """The saved search can't be extracted as it is; ``search`` is its id."""

    def __init__(
        self, message: str, *, status: int | None = None, code: str | None = None, search: str | None = None
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.search = search


class NetSuiteColumnError(NetSuiteSearchError):
    """A column of the saved search doesn't exist, or columns changed in the middle of an extract; ``columns``
    are their keys.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        search: str | None = None,
        columns: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, status=status, code=code, search=search)
        self.columns = columns


class NetSuiteRequestError(NetSuiteMendError):
    """The RESTlet understood the call but refuses it, so the two don't fit together."""
