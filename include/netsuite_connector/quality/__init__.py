"""Builds Great Expectations suites from a domain's fields and runs them over staged rows."""
