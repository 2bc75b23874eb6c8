"""### Check

Tries a store's connections to NetSuite and Klaviyo step by step and says what is right and what to mend:
login, RESTlet, clock, dates, configuration record, every saved search with its columns and a page of it,
concurrency, deletions, outbox; then Klaviyo's key, account, scopes and revision.

* It reads only, and no more than a page of each search.
* Each step is a line of the task's log; the findings are the task's result.
* The task fails when something must be mended. `make check` runs the same from the command line.
"""

from __future__ import annotations

from netsuite_connector.airflow.check import build_check_dags

for dag in build_check_dags(__doc__):
    globals()[dag.dag_id] = dag
