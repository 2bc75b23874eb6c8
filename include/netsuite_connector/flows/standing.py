"""What the ledger of a catalog has as standing: delivered, and not taken away since."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from netsuite_connector.domains.gone import gone_payloads
from netsuite_connector.flows import ledger
from netsuite_connector.flows.ledger import Ints, Ledger


def standing(lines: Ledger, name: str, ids: Ints) -> Ints:
    """Those of the ids that stand by these ledger lines of the source ``name``, items or variants."""
    found = [np.empty(0, dtype=np.int64)]
    for batch in ledger.read(lines, ["id", "fingerprint"]) if len(ids) else ():
        near = batch.filter(pa.array(np.isin(batch.column("id").to_numpy(), ids)))
        known, marks = near.column("id").to_numpy(), near.column("fingerprint").to_numpy()
        gone = np.zeros(len(known), dtype=np.bool_)
        for payloads in gone_payloads(name, known.tolist()):
            gone |= ledger.fingerprints(payloads) == marks
        found.append(known[~gone])
    return np.unique(np.concatenate(found))
