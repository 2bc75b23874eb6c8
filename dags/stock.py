"""### Stock

Reads stock that moved and items that changed, and brings stock and prices in Klaviyo's catalog up to date, so
that flows for back in stock and price drops work. Meant for a short schedule.

`plan → extract → validate → shape → push → confirm → report`

* What Klaviyo has already is not sent. An item that it does not have yet is left to the catalog flow, and
counted.
* Each run reads the last hour once more, so that what a catalog run read earlier and delivered later is soon
put right.
* An item's stock is the total of all locations. Inactive and offline items are left out.
"""

from __future__ import annotations

from netsuite_connector.airflow.factory import build_flow_dags

for dag in build_flow_dags("stock", __doc__):
    globals()[dag.dag_id] = dag
