"""### Customers

Reads the saved searches *customers* (customers, leads and prospects; individuals and companies) and
*contacts*, and keeps a Klaviyo profile for each e-mail address.

`plan → extract → validate → shape → push → confirm → report`

* A row needs an e-mail address that Klaviyo accepts. Phone numbers become E.164; one that is no valid number
is left out and counted as a warning.
* Rows that share an address become one profile: a customer speaks before a prospect, a lead and a contact, an
active record before an inactive one, then the oldest.
* Nobody is subscribed or unsubscribed: the NetSuite subscription status travels as a property.
* Profiles that have not changed since they were last delivered are not sent again.
"""

from __future__ import annotations

from netsuite_connector.airflow.factory import build_flow_dags

for dag in build_flow_dags("customers", __doc__):
    globals()[dag.dag_id] = dag
