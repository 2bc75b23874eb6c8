"""### Catalog

Reads the saved searches *items* and *variants* and brings Klaviyo's catalog up to date: items first, then the
variants of matrix items.

`extract → validate → shape → push → confirm → report`

* An item needs a name, a description, a type, a base price and a URL component; one that lacks any is
rejected with the reason.
* Items that have not changed since they were last delivered are not sent again.
* The last task's result holds the numbers: `extracted = delivered + unchanged + rejected`.
"""

from __future__ import annotations

from netsuite_connector.airflow.factory import build_flow_dags

for dag in build_flow_dags("catalog", __doc__):
    globals()[dag.dag_id] = dag
