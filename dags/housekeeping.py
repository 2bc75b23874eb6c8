"""### Housekeeping

Removes from staging what the store need not keep any longer (`retention_days` in its YAML file): rows as they
were read first, then records and what was sent, rejected rows, and last reports and quality results.

* The reports of each flow's newest run stay, and those of the newest that has read everything. Rows never
do, whichever run has read them. Ledgers and high-water marks have no age.
* Runs may go on meanwhile: a run is as old as what was last written of it.
* The task fails when something could not be removed, and names it.
* *Dry run* says in the task's log what would go, and removes nothing.
"""

from __future__ import annotations

from netsuite_connector.airflow.operations import build_housekeeping_dags

for dag in build_housekeeping_dags(__doc__):
    globals()[dag.dag_id] = dag
