"""The types of columns on the RESTlet's wire, and how a select's two halves are told apart
(docs/netsuite/restlet.md).
"""

from __future__ import annotations

import enum

TEXT_SUFFIX = "__text"
"""Ends the name of the column that holds a select's readable text, beside the one that holds its id."""


class ColumnType(enum.StrEnum):
    """What a column of a saved search holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    SELECT = "select"
    MULTISELECT = "multiselect"
