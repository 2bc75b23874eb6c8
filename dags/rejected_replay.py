"""### Replay of rejected rows

Rows that a flow rejected, or that Klaviyo refused, stand on the flow's list of rejected rows with their
reasons. Once they are mended in NetSuite, trigger this DAG: it reads exactly those records anew, sends them
through all stages, and takes the rows that pass off the list.

`plan → extract → validate → shape → push → confirm → report`

* Choose the flow, and *All*, a *Reason* or *Internal ids*.
* A flow that is switched off is not replayed; nor is a catalog that is a feed, since Klaviyo deletes what
is not in it: trigger `catalog` itself, which writes all of it.
* The high-water mark stays where it is, and gates don't stop a replay.
* A record that NetSuite does not give any more (deleted, or no longer in the saved search) leaves the list.
* `python -m netsuite_connector rejected list` shows what is on the lists.
"""

from __future__ import annotations

from netsuite_connector.airflow.operations import build_replay_dags

for dag in build_replay_dags(__doc__):
    globals()[dag.dag_id] = dag
