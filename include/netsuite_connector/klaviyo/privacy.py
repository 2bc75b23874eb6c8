"""Requests that a person be forgotten."""

from __future__ import annotations

import typing

import orjson

from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.transport import Transport


class Privacy:
    """Requests for deletion (GDPR, CCPA) in one account."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def request_deletion(self, *, email: str | None = None, profile_id: str | None = None) -> None:
        """Asks Klaviyo to delete every profile with this e-mail address, or the one with this id of
        Klaviyo's. It can't be undone.

        Klaviyo takes one identifier at a time (ValueError otherwise), deletes some time later and tells
        nobody when: its page *Deleted profiles* shows it. Asking twice is harmless. Raises the errors of
        :mod:`netsuite_connector.klaviyo.errors`.
        """
        if bool(email) == bool(profile_id):
            raise ValueError("A deletion needs either an e-mail address or a profile id.")
        profile: dict[str, typing.Any] = {"type": "profile", "attributes": {"email": email} if email else {}}
        if profile_id:
            profile["id"] = profile_id
        document = {
            "data": {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": profile}}}
        }
        self._transport.call(endpoints.DELETION, body=orjson.dumps(document))
