"""One sandbox account: its settings and everything that its web application needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from netsuite_connector.sandbox.netsuite.credentials import Credentials
from netsuite_connector.sandbox.netsuite.csv_files import read_folder
from netsuite_connector.sandbox.netsuite.engine import Engine
from netsuite_connector.sandbox.netsuite.faults import Faults
from netsuite_connector.sandbox.netsuite.suitecloud import DEFAULT_PROJECT, Project, read_project
from netsuite_connector.sandbox.netsuite.suiteql import SuiteQL
from netsuite_connector.sandbox.netsuite.tba import TokenPassport
from netsuite_connector.sandbox.netsuite.tokens import TokenDesk

# Up to when generated records run; fixed, so that the same seed gives the same account on any day.
GENERATED_UNTIL = "2026-11-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Settings:
    """How an account behaves.

    ``latency`` and ``time_limit`` are in seconds, ``units`` in governance units; ``concurrency`` is how many
    requests run at once, account-wide, and ``latency`` how long each takes at least; ``search_seconds`` is
    how much of its time a script believes each search took. ``domain`` is the only host that answers,
    ``moved_to`` the address of the data centre that the account has moved to (empty: any, and none).
    ``web_services_only`` and ``lacking_permissions`` are about the role of the integration's user. A ``bare``
    account starts without saved searches.
    """

    account: str = "1234567_SB1"
    timezone: str = "America/Los_Angeles"
    date_format: str = "M/D/YYYY"
    time_format: str = "h:mm a"
    language: str = "en_US"
    lacking_permissions: tuple[str, ...] = ()
    web_services_only: bool = False
    domain: str = ""
    moved_to: str = ""
    concurrency: int = 5
    latency: float = 0.0
    units: int = 5000
    time_limit: float = 300.0
    output_bytes: int = 10 * 1024 * 1024
    search_seconds: float = 0.0
    column_types: bool = True
    token_seconds: float = 3600.0
    seed: int = 7
    customers: int = 0
    items: int = 0
    orders: int = 0
    until: str = GENERATED_UNTIL
    csv: Path | None = None
    suitecloud: Path = DEFAULT_PROJECT
    bare: bool = False


def check_account_id(text: str) -> str:
    """An account id as NetSuite writes it, such as ``1234567_SB1``. ValueError for anything else."""
    if not re.fullmatch(r"[A-Za-z0-9]+(_[A-Za-z0-9]+)?", text):
        raise ValueError(f"{text!r} is no account id such as 1234567 or 1234567_SB1")
    return text.upper()


@dataclass(slots=True)
class Traffic:
    """What has been asked of the account: RESTlet calls and tokens since the start, requests under way now
    and at most.
    """

    calls: int = 0
    tokens: int = 0
    active: int = 0
    peak: int = 0
    actions: dict[str, int] = field(default_factory=dict)


class Account:
    """The account's parts, filled and ready."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        """Raises ProjectError, CsvError or AccountError where the account can't be made."""
        self.settings = settings
        self.credentials = credentials
        self.project: Project = read_project(settings.suitecloud)
        self.engine = Engine(self.project)
        self.faults = Faults()
        self.traffic = Traffic()
        self.desk = TokenDesk(credentials.client_id, token_seconds=settings.token_seconds)
        self.desk.add_certificate(credentials.certificate_id, credentials.private_key)
        self.passport = TokenPassport(credentials)
        self.engine.settings(
            account=settings.account,
            timezone=settings.timezone,
            dateFormat=settings.date_format,
            timeFormat=settings.time_format,
            language=settings.language,
            lackingPermissions=settings.lacking_permissions,
            units=settings.units,
            seconds=settings.time_limit,
            outputBytes=settings.output_bytes,
            searchSeconds=settings.search_seconds,
            columnTypes=settings.column_types,
        )
        self._fill()
        if not settings.bare:
            self.engine.install_searches()
        self.suiteql = SuiteQL(self.engine)

    def _fill(self) -> None:
        settings = self.settings
        if settings.csv is None:
            sizes = {"customers": settings.customers, "items": settings.items, "orders": settings.orders}
            self.engine.admin("generate", {"seed": settings.seed, "now": settings.until, **sizes})
            return
        for table in read_folder(settings.csv, self.engine.admin("catalogue")):
            self.engine.admin("lists", table.lists)
            self.engine.admin("fieldLists", {"type": table.type, "fields": table.field_lists})
            self.engine.admin("customFields", {"type": table.type, "fields": table.custom_fields})
            self.engine.load(table.type, table.records)
