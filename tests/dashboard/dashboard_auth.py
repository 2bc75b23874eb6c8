"""Airflow's simple login, with one more rule: *lena* may only read DAGs of the store ``other``."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class LoginByStore(SimpleAuthManager):
    def is_authorized_dag(self, *, user: Any, details: Any = None, **asked: Any) -> bool:
        if user.get_id() == "lena" and details is not None and not str(details.id).endswith("__other"):
            return False
        return super().is_authorized_dag(user=user, details=details, **asked)
