"""All domains by the name of their flow. To add a domain is to add a file and name it here."""

from __future__ import annotations

from netsuite_connector.domains import catalog, customers, opportunities, order_flow, quotes, stock
from netsuite_connector.domains.model import Domain

DOMAINS: dict[str, Domain] = {
    module.DOMAIN.flow: module.DOMAIN
    for module in (catalog, stock, customers, opportunities, order_flow, quotes)
}
