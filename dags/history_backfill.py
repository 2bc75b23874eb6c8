"""### History backfill

Brings years of history of events and profiles to Klaviyo, a window (a month, unless you choose another) after
the other. Trigger it with the form: it is a **dry run** unless you switch that off, and then says how many
rows there are and what they would take.

`plan → read_ahead → read → deliver → total`; a mapped task a window and flow, labelled with it. Windows of
orders are all read before the first is delivered: what an order goes through may lie in several of them.

* Events are recorded as history: no Klaviyo flow writes to anybody about them. Consents and high-water marks
stay as they are.
* Scheduled runs go on meanwhile and get their share of NetSuite and Klaviyo first.
* Stopped, killed or failed? Trigger it again with the same days: it goes on where it stopped. To do one
window again, clear its task.
"""

from __future__ import annotations

from netsuite_connector.airflow.history import build_history_dags

for dag in build_history_dags(__doc__):
    globals()[dag.dag_id] = dag
