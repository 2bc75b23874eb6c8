"""### Consents

Imports confirmed opt-ins (NetSuite's global subscription status 3) into a Klaviyo list, as history with the
moment at which they were given. There only where a store's file has `consents`; docs/consent.md says what
happens and what never does.

`plan → extract → validate → guard → import → suppress → confirm → report`

* Klaviyo is the source of truth. Whoever ever unsubscribed, complained, bounced or was suppressed there is
remembered for good, and never subscribed.
* Of several records of one address the most restrictive status speaks. Soft and confirmed opt-outs (2, 4) are
never subscribed, and are suppressed if the store says so.
* Whoever opts out while being imported is unsubscribed again at once.
* The last task's result holds the numbers: `extracted = delivered + unchanged + rejected`, and people by what
became of them.
"""

from __future__ import annotations

from netsuite_connector.airflow.consents import build_consent_dags

for dag in build_consent_dags(__doc__):
    globals()[dag.dag_id] = dag
