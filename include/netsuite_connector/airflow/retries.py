"""When a failed task is tried again, by what failed."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from airflow.sdk import RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryDecision

from netsuite_connector.errors import LimitError, MendError, RemoteFaultError

FIRST_PAUSE = 15.0
LONGEST_PAUSE = 900.0
RETRIES = 5


class ByFault(RetryPolicy):
    """A limit waits as long as it is told; a fault of the other side is retried with growing pauses; what a
    person must mend fails at once.

    Anything else (a worker that was killed, a full memory) follows the task's own settings.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,  # noqa: ARG002
        context: Any = None,  # noqa: ARG002
    ) -> RetryDecision:
        """See :class:`airflow.sdk.RetryPolicy`."""
        if isinstance(exception, MendError):
            return RetryDecision.fail(reason=str(exception))
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (try_number - 1))
        if isinstance(exception, LimitError):
            wait = exception.retry_after if exception.retry_after is not None else pause
            return RetryDecision.retry(timedelta(seconds=wait), reason=str(exception))
        if isinstance(exception, RemoteFaultError):
            # Half of the pause is left to chance, so that tasks that failed together don't come back
            # together.
            wait = pause * (0.5 + random.random() / 2)  # noqa: S311 - no secret
            return RetryDecision.retry(timedelta(seconds=wait), reason=str(exception))
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Nothing to keep: the policy has no settings."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ByFault:  # noqa: ARG003
        """The policy again."""
        return cls()
