"""What an e-mail address must look like to be delivered."""

from __future__ import annotations

from netsuite_connector.domains.model import Field

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

# An unquoted address (RFC 5321, 4.1.2) of at most 100 characters, Klaviyo's limit, with a dotted domain.
EMAIL_PATTERN = rf"(?=.{{3,100}}$){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z]{{2,63}}"

# Klaviyo answers 202 to events of these domains and then drops them, so they are no order events (seen by
# integrators; profiles are accepted).
_DROPPED_FOR_EVENTS = r"(?!.*@(?:[Ee][Xx][Aa][Mm][Pp][Ll][Ee]|[Tt][Ee][Ss][Tt])\.[Cc][Oo][Mm]$)"
EVENT_EMAIL_PATTERN = _DROPPED_FOR_EVENTS + EMAIL_PATTERN


def email_field(name: str = "email", label: str = "Email") -> Field:
    """A mandatory e-mail address that every row must have."""
    return Field(
        name,
        label,
        mandatory=True,
        required=True,
        pattern=EMAIL_PATTERN,
        hint="is not an e-mail address that Klaviyo accepts",
    )
