"""A domain's fields as a Great Expectations suite, in which each expectation knows its reason in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from great_expectations import ExpectationSuite
from great_expectations.expectations.core.expect_column_value_lengths_to_be_between import (
    ExpectColumnValueLengthsToBeBetween,
)
from great_expectations.expectations.core.expect_column_values_to_be_between import (
    ExpectColumnValuesToBeBetween,
)
from great_expectations.expectations.core.expect_column_values_to_be_in_set import ExpectColumnValuesToBeInSet
from great_expectations.expectations.core.expect_column_values_to_be_null import ExpectColumnValuesToBeNull
from great_expectations.expectations.core.expect_column_values_to_match_regex import (
    ExpectColumnValuesToMatchRegex,
)
from great_expectations.expectations.core.expect_column_values_to_not_be_null import (
    ExpectColumnValuesToNotBeNull,
)
from great_expectations.expectations.core.expect_column_values_to_not_match_regex import (
    ExpectColumnValuesToNotMatchRegex,
)
from great_expectations.expectations.expectation import Expectation

from netsuite_connector.domains.model import Field, Source


def build_suite(source: Source, columns: Collection[str]) -> ExpectationSuite:
    """What the rows of ``source`` must be like, given the columns that its saved search has.

    A field that is neither mandatory nor required may be absent; then nothing is expected of it. Each
    expectation's ``meta`` holds ``field`` (the column) and ``reason`` (a sentence that names no values, so
    that rejected rows can be grouped by it).
    """
    expectations = [
        expectation
        for field in source.fields
        if field.mandatory or field.required or field.name in columns
        for expectation in _expectations(field)
    ]
    return ExpectationSuite(name=source.name, expectations=expectations)


def text_columns(source: Source) -> frozenset[str]:
    """The columns whose rules look at the text of a value, whatever its type: no place for a minimum."""
    return frozenset(
        field.name
        for field in source.fields
        if any(rule is not None for rule in (field.pattern, field.one_of, field.max_length, field.forbidden))
    )


def _expectations(field: Field) -> Iterator[Expectation]:
    if field.required:
        yield ExpectColumnValuesToNotBeNull(column=field.name, **_why(field, "is missing"))
    if field.pattern is not None:
        # Great Expectations looks for it anywhere in the value; a domain's pattern describes the whole.
        yield ExpectColumnValuesToMatchRegex(
            column=field.name,
            regex=f"^(?:{field.pattern})$",
            **_why(field, field.hint or "is not in the expected form"),
        )
    if field.max_length is not None:
        yield ExpectColumnValueLengthsToBeBetween(
            column=field.name,
            max_value=field.max_length,
            **_why(field, f"is longer than {field.max_length} characters"),
        )
    if field.forbidden is not None:
        yield ExpectColumnValuesToNotMatchRegex(
            column=field.name, regex=f"^(?:{field.forbidden.pattern})$", **_why(field, field.forbidden.hint)
        )
    if field.one_of is not None:
        yield ExpectColumnValuesToBeInSet(
            column=field.name,
            value_set=list(field.one_of),
            **_why(field, field.hint or f"is not one of {', '.join(field.one_of)}"),
        )
    if field.empty_for is not None:
        column, ids = field.empty_for
        yield ExpectColumnValuesToBeNull(
            column=field.name,
            row_condition=f"{column} in {list(ids)}",
            condition_parser="pandas",
            **_why(field, field.hint or "is filled", beside=column),
        )
    if field.minimum is not None:
        yield ExpectColumnValuesToBeBetween(
            column=field.name,
            min_value=field.minimum,
            **_why(field, field.hint or f"is less than {field.minimum:g}"),
        )


def _why(field: Field, ending: str, beside: str | None = None) -> dict[str, Any]:
    """``beside``: the other column that says which rows are looked at."""
    reason = f"{field.label} {ending}"
    return {"description": reason, "meta": {"field": field.name, "reason": reason, "beside": beside}}
