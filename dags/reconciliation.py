"""### Reconciliation

Proves that NetSuite and Klaviyo agree: reads some days anew from NetSuite through the flows' own saved
searches, looks at what Klaviyo holds, and compares record by record and day by day. Runs daily over
yesterday and the days before; trigger it with the form for other days or flows.

`plan → compare → total`; a mapped task a flow, labelled with it. A flow that does not agree fails with a
sentence that says on which days, how many records are missing, extra or different, and where they are listed.

* Days are those of the store's time zone. A catalog, its stock and consents are compared as they stand now.
* What changed too lately to be there is *not yet* there, and no disagreement.
* With *Heal* what is missing is delivered, and what is different and can be changed. Events are recorded as
history: no Klaviyo flow writes to anybody. Nothing is ever deleted.
* Scheduled runs of flows get their share of NetSuite and Klaviyo first.
"""

from __future__ import annotations

from netsuite_connector.airflow.reconciliation import build_reconciliation_dags

for dag in build_reconciliation_dags(__doc__):
    globals()[dag.dag_id] = dag
