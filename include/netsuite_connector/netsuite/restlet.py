"""The RESTlet that this package's client belongs to."""

from __future__ import annotations

RESTLET_VERSION = "1.2.1"
"""``VERSION`` in ``restlet.js`` of the SuiteCloud project that ships with this package."""
