"""### Real time

Brings what was just saved in NetSuite to Klaviyo within seconds. A watcher in Airflow's triggerer looks into
NetSuite's outbox every few seconds and wakes this DAG when something waits.

* The run reads the outbox from its beginning, reads exactly the records that it names through the flows'
saved searches, and takes them through the flows' own stages; it goes on until nothing has come for half a
minute.
* An entry leaves the outbox once its record is delivered or on the list of rejected rows. Whatever breaks
down in between, the entry is still there.
* High-water marks stay where they are: scheduled runs are the safety net.
* A store has it with `realtime: {enabled: true}` in its YAML file. Each NetSuite connection has one DAG, for
all of its stores.
"""

from __future__ import annotations

from netsuite_connector.airflow.realtime import build_realtime_dags

for dag in build_realtime_dags(__doc__):
    globals()[dag.dag_id] = dag
