"""Airflow's API server with the plugins folder of this checkout. Says where it listens, as a line of JSON.

The database gets what a scheduler would have left there: a failed run of orders, and a drain of real time.
"""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta

import uvicorn
from airflow.api_fastapi.app import create_app
from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import insert

NOW = datetime.now(UTC)
DRAINED = {
    "entries": 41,
    "held": 0,
    "passes": 3,
    "rows": {"extracted": 40, "delivered": 38, "unchanged": 1, "rejected": 1},
    "ages": {"median": 3.1, "most": 19.8},
}


def fill() -> None:
    with create_session() as session:
        session.add(DagBundleModel(name="dags-folder"))
        session.flush()
        for dag_id, state in (
            ("orders__demo", DagRunState.FAILED),
            ("realtime__netsuite_demo", DagRunState.SUCCESS),
        ):
            session.add(DagModel(dag_id=dag_id, bundle_name="dags-folder", is_paused=False, is_stale=False))
            for days, ended in ((2, DagRunState.SUCCESS), (1, state)):
                run = DagRun(
                    dag_id=dag_id,
                    run_id=f"manual__{days}",
                    run_type=DagRunType.MANUAL,
                    triggered_by=DagRunTriggeredByType.TEST,
                    run_after=NOW - timedelta(days=days),
                    start_date=NOW - timedelta(days=days),
                    state=ended,
                )
                session.add(run)
                session.flush()
        task = {"dag_id": run.dag_id, "run_id": run.run_id, "task_id": "drain", "pool": "default_pool"}
        session.execute(insert(TaskInstance.__table__).values(map_index=-1, pool_slots=1, **task))
        value = json.dumps(DRAINED)
        session.add(
            XComModel(
                dag_run_id=run.id,
                dag_id=run.dag_id,
                run_id=run.run_id,
                task_id="drain",
                key="return_value",
                value=value,
            )
        )
        at_work = {"at": NOW.timestamp(), "until": 0, "failures": 4}
        woken = {"at": (NOW - timedelta(hours=1)).timestamp()}
        for connection, key, state in (
            ("netsuite_demo", "drain", at_work),
            ("netsuite_other", "woken", woken),
        ):
            asset = AssetModel(name=f"netsuite-outbox-{connection}", uri=f"netsuite-outbox-{connection}")
            session.add(asset)
            session.flush()
            session.add(AssetStateStoreModel(asset_id=asset.id, key=key, value=json.dumps(state)))


if __name__ == "__main__":
    fill()
    app = create_app(apps="core")
    (mounted,) = (route for route in app.routes if getattr(route, "path", "") == "/netsuite-klaviyo")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    paths = [f"{mounted.path}{route.path}" for route in mounted.app.routes]
    print(json.dumps({"port": listener.getsockname()[1], "paths": paths}), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
