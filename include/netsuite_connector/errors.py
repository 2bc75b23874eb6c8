"""The three kinds of failure that the whole product knows.

Every error that a room raises on purpose is one of these, so that whoever runs it (an Airflow task, a
command)
can decide what to do without knowing whose error it is: wait, try again, or tell a person.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """A failure that is told in one sentence: what is wrong and what to do. Never holds secrets or personal
    data.
    """


class LimitError(ConnectorError):
    """The other side asks us to slow down. ``retry_after`` is in seconds; None when it did not say."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RemoteFaultError(ConnectorError):
    """The other side, or the way there, is at fault: the same call may succeed later."""


class MendError(ConnectorError):
    """Our settings or the data are at fault: trying again is useless until a person mends what the message
    names.
    """
