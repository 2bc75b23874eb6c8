"""What Airflow learns of the dashboard: its web app, and the entry in the navigation that leads to it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

TITLE = "NetSuite → Klaviyo"
PATH = "netsuite-klaviyo"


class DashboardPlugin(AirflowPlugin):
    """Registered by ``plugins/netsuite_connector_dashboard.py``.

    Every component of Airflow, each task's process among them, loads all plugins. So the app is imported only
    where somebody asks for it, which the API server does.
    """

    name = "netsuite_connector_dashboard"
    # Without a leading slash the page is found behind a base path too.
    external_views = [  # noqa: RUF012 - Airflow's own shape
        {
            "name": TITLE,
            "href": f"{PATH}/",
            "destination": "nav",
            "category": "browse",
            "url_route": PATH,
        }
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The app, as Airflow mounts it."""
        from netsuite_connector.dashboard.app import create_app

        return [{"app": create_app(), "url_prefix": f"/{PATH}", "name": TITLE}]
