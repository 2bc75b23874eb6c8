"""The command line; ``python -m netsuite_connector --help`` explains it."""

from __future__ import annotations

import logging
import os
import sys
import warnings

from netsuite_connector.commands.line import main


def quiet() -> None:
    """Keep Airflow's and our own log lines out of what people read: the commands say what there is to say."""
    warnings.simplefilter("ignore")
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"
    logging.disable(logging.CRITICAL)


if __name__ == "__main__":
    quiet()
    sys.exit(main())
