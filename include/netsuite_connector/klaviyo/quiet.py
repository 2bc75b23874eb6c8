"""What the library that sends our requests may log."""

from __future__ import annotations

import logging
import re

_QUERY = re.compile(r"\?[^\s\"']+")


class _WithoutQueries(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY.sub("?…", record.getMessage()), ()
        return True


_FILTER = _WithoutQueries()


def leave_out_queries() -> None:
    """From now on urllib3's messages quote addresses without their queries: ours ask for people by e-mail."""
    for name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_FILTER)  # one that is there is not added again
