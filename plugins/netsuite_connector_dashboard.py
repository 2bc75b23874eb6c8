"""Registers the dashboard with Airflow; its code is in the installed package."""

from __future__ import annotations

from netsuite_connector.dashboard.plugin import DashboardPlugin

__all__ = ["DashboardPlugin"]
