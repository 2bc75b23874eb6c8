"""### Catalog

Reads the saved searches *items* and *variants* and brings Klaviyo's catalog up to date: what is gone leaves,
then come categories, items and variants.

`plan → extract → validate → shape → push → confirm → report`

* An item needs a name, a description, a type, a price, a URL component and an image; one that lacks any is
rejected with the reason. So are items that are inactive or not displayed in the web site.
* An item that became inactive, went offline, was deleted or is not found any more is unpublished, or deleted
where the store says so.
* Items that have not changed since they were last delivered are not sent again.
* Where the store has a feed, the catalog is written as files for Klaviyo to fetch, and nothing is sent.
* The last task's result holds the numbers: `extracted = delivered + unchanged + rejected`.
"""

from __future__ import annotations

from netsuite_connector.airflow.factory import build_flow_dags

for dag in build_flow_dags("catalog", __doc__):
    globals()[dag.dag_id] = dag
