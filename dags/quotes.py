"""### Quotes

Reads the saved search *quotes* (NetSuite's estimates, a row a line) and sends a *Quote* event when one is
created, and *Quote Accepted*, *Quote Expired* or *Quote Declined* when it ends.

`plan → extract → validate → shape → push → confirm → report`

* What becomes of a quote is an event of its own: an event can't be changed at Klaviyo.
* A quote needs its customer's e-mail address; lines of quotes without one are rejected with the reason.
* Events that were delivered before are not sent again.
"""

from __future__ import annotations

from netsuite_connector.airflow.factory import build_flow_dags

for dag in build_flow_dags("quotes", __doc__):
    globals()[dag.dag_id] = dag
