"""### Opportunities

Reads the saved search *opportunities* and sends an *Opportunity* event when one is created, and *Opportunity
Won* or *Opportunity Lost* when it ends.

`plan → extract → validate → shape → push → confirm → report`

* What becomes of an opportunity is an event of its own: an event can't be changed at Klaviyo.
* An opportunity needs its customer's e-mail address; one without is rejected with the reason.
* Events that were delivered before are not sent again.
"""

from __future__ import annotations

from netsuite_connector.airflow.factory import build_flow_dags

for dag in build_flow_dags("opportunities", __doc__):
    globals()[dag.dag_id] = dag
