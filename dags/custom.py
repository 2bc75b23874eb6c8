"""### A flow of your own

Reads a saved search that the store's YAML names and sends an event, or a profile's properties, for each row:
support cases, reviews, warranty registrations. The store's file says under `custom` which columns hold the
e-mail address, the moment and the value; all other columns flow through.

`plan → extract → validate → shape → push → confirm → report`
"""

from __future__ import annotations

from netsuite_connector.airflow.factory import build_custom_dags

for dag in build_custom_dags(__doc__):
    globals()[dag.dag_id] = dag
