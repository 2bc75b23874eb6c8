"""### Privacy deletion

Has people forgotten (GDPR, CCPA): asks Klaviyo to delete their profiles with everything that belongs to them.
**It can't be undone.**

* *Confirm* must say `DELETE` and the number of addresses, such as `DELETE 2`. Anything else deletes nobody.
* No import of opt-ins ever subscribes them again. Only a hash of each address is kept for that.
* NetSuite is not touched. As long as the record is there, the flow *customers* makes a new profile when the
record changes: delete or anonymise it in NetSuite first.
* Asking twice is harmless. Klaviyo shows when it is done on its page *Deleted profiles*.
* Logs and result show no addresses. Airflow keeps what was typed with the run: delete the run afterwards.
So does its audit log, unless `AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES` has `emails`.
"""

from __future__ import annotations

from netsuite_connector.airflow.privacy import build_privacy_dags

for dag in build_privacy_dags(__doc__):
    globals()[dag.dag_id] = dag
