"""### Orders

Reads the saved search *orders* (sales orders, stand-alone invoices and cash sales, a row a line) and sends a
*Placed Order* event for each order and an *Ordered Product* event for each line.

`extract → validate → shape → push → confirm → report`

* Events carry identities that never change, so an order is counted once however often it is sent.
* An order needs its customer's e-mail address; lines of orders without one are rejected with the reason.
* Events that were delivered before are not sent again.
"""

from __future__ import annotations

from netsuite_connector.airflow.factory import build_flow_dags

for dag in build_flow_dags("orders", __doc__):
    globals()[dag.dag_id] = dag
