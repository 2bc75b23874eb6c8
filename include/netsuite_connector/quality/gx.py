"""Great Expectations as a library: in memory, silent, and without the network."""

from __future__ import annotations

import logging
import os

# Before the import: versions that have analytics decide then whether to send any.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.execution_engine import pandas_execution_engine

# It logs the messages of exceptions, which may quote values of rows. We raise what fails, without them.
_logger = logging.getLogger("great_expectations")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False

# Frames above this size get no fingerprint. Nobody reads ours, and it takes a quarter of the time of a check.
pandas_execution_engine.HASH_THRESHOLD = 0

VERSION: str = gx.__version__


def quiet_context() -> EphemeralDataContext:
    """A context that lives as long as the process: no files, no progress bars, no analytics."""
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context
