"""What an e-mail address must look like to be delivered."""

from __future__ import annotations

from netsuite_connector.domains.model import Field, Forbidden

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

# An unquoted address (RFC 5321, 4.1.2) with a dotted domain. Without look-around, so that Arrow's engine
# takes it.
EMAIL_PATTERN = rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z]{{2,63}}"
MAX_LENGTH = 100  # Klaviyo's limit

# Klaviyo answers 202 to events of these domains and drops them (seen by integrators; profiles are accepted).
_DROPPED = r".*@(?:[Ee][Xx][Aa][Mm][Pp][Ll][Ee]|[Tt][Ee][Ss][Tt])\.[Cc][Oo][Mm]"


def email_field(name: str = "email", label: str = "Email", *, events: bool = False) -> Field:
    """A mandatory e-mail address that every row must have; for ``events``, one whose events Klaviyo keeps."""
    return Field(
        name,
        label,
        mandatory=True,
        required=True,
        pattern=EMAIL_PATTERN,
        hint="is not an e-mail address that Klaviyo accepts",
        max_length=MAX_LENGTH,
        forbidden=Forbidden(_DROPPED, "is at a domain whose events Klaviyo drops") if events else None,
    )
