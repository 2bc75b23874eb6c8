"""NetSuite saved searches to Klaviyo through Apache Airflow, with every row accounted for."""

from __future__ import annotations

import os

# Arrow chooses its allocator when it is first imported: the system's keeps some 50 MB less than Arrow's own
# default
# while Parquet is read and written in a stream (measured).
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
