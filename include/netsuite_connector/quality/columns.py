"""Are the columns there that the domain can't do without? Great Expectations is not needed to tell."""

from __future__ import annotations

from collections.abc import Collection

from netsuite_connector.domains.model import Source
from netsuite_connector.errors import MendError


def check_columns(source: Source, columns: Collection[str], search_id: str) -> None:
    """Raise MendError, naming every mandatory column that ``columns`` (of the saved search) lacks."""
    missing = [f"{field.label} ({field.name})" for field in source.mandatory if field.name not in columns]
    if missing:
        what = "a mandatory column" if len(missing) == 1 else f"{len(missing)} mandatory columns"
        raise MendError(
            f"Saved search {search_id} lacks {what}: {', '.join(missing)}. "
            "Add what is missing to the search's results in NetSuite, then run again."
        )
