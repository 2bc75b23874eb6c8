"""### Orders

Reads the saved searches *orders* (sales orders, stand-alone invoices and cash sales, a row a line),
*fulfilments* and *refunds*, and sends what happened to each order: *Placed Order* and an *Ordered Product* a
line, *Cancelled Order*, *Fulfilled Order* or *Partially Fulfilled Order* with tracking numbers, *Refunded
Order* or *Partially Refunded Order*. Profiles learn at which websites their customers order.

`plan → extract → validate → shape → push → confirm → report`

* Events carry identities that never change, so an order is counted once however often it is sent, and however
many transactions it goes through.
* An order needs its customer's e-mail address; lines of orders without one are rejected with the reason.
* Events that were delivered before are not sent again.
"""

from __future__ import annotations

from netsuite_connector.airflow.factory import build_flow_dags

for dag in build_flow_dags("orders", __doc__):
    globals()[dag.dag_id] = dag
