"""Images of the File Cabinet, found by SuiteCommerce's rule for their names.

A file is named after the item, a keyword, the values of the matrix options that choose the image, and a
number that tells several images of one apart: ``TSHI-00012_media-Navy-01.jpg``. Source: NetSuite's online
help, "Rename Image Files with the Item Identifier" (section 162137381373).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.along import Ints
from netsuite_connector.domains.model import Field, Source

_IMAGE = r"\.(jpe?g|png|gif|webp|bmp)$"
_KEYWORD = r"_media([-_.]|$)"
_NUMBER = r"[-_.][0-9]{1,3}$"
_BETWEEN = r"[\s_.\-/:]+"
_NO_NUMBER = 1000
_NONE: Ints = np.empty(0, dtype=np.int64)


def image_source(folder: str) -> Source:
    """The lookup of the files in a folder of the File Cabinet (its internal id)."""
    return Source(
        name="images",
        search="customsearch_nsk_images",
        record_type="file",
        fields=(Field("name", "Name", mandatory=True), Field("url", "URL", mandatory=True)),
        only={"folder": (folder,)},
        # An image that was there before its item changed is wanted too.
        whole=True,
    )


class Images:
    """The files of the folder. Holds their addresses and 32 bytes a file."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        files = [_files(batch) for batch in batches]
        ids = np.concatenate([_NONE, *(each.ids for each in files)])
        keys = np.concatenate([_NONE, *(each.keys for each in files)])
        numbers = np.concatenate([_NONE, *(each.numbers for each in files)])
        self._urls = pa.chunked_array([each.urls for each in files], pa.string()).combine_chunks()
        self._ids = ids
        # Of several images the one with the lowest number.
        order = np.lexsort((numbers, keys))
        self._keys, first = np.unique(keys[order], return_index=True)
        self._places = order[first]

    def of_ids(self, ids: Sequence[str | None]) -> pa.Array:
        """The addresses of files by internal id; null for those that are not in the folder."""
        wanted = np.array([int(id_) if id_ and id_.isdigit() else -1 for id_ in ids], dtype=np.int64)
        at, there = _found(self._ids, wanted)
        return self._urls.take(pa.array(at, mask=~there))

    def of_names(self, parts: Iterable[pa.Array]) -> pa.Array:
        """The addresses of the images that are named after these parts, joined: null where a part is, or
        where there is no such image.
        """
        names = key_of(pc.binary_join_element_wise(*parts, "-"))
        at, there = _found(self._keys, _hashes(names))
        there &= names.is_valid().to_numpy(zero_copy_only=False)
        return self._urls.take(pa.array(self._places[at] if len(self._places) else at, mask=~there))


def _found(known: Ints, wanted: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Where each wanted one stands among the known ones, which are ordered, and whether it does."""
    if not len(known):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return at, known[at] == wanted


def _hashes(names: pa.Array) -> Ints:
    """64 bits of each name: wide enough that two of a million never meet."""
    digests = b"".join([blake2b((name or "").encode(), digest_size=8).digest() for name in names.to_pylist()])
    return np.frombuffer(digests, dtype="<i8")


def key_of(names: pa.Array) -> pa.Array:
    """Names as they are compared: letter case and what stands between the parts don't count."""
    return pc.replace_substring_regex(pc.utf8_lower(names), _BETWEEN, "-")


class _Files(NamedTuple):
    """Images: their file ids and addresses, whose they are, and which of several."""

    ids: Ints
    urls: pa.Array
    keys: Ints
    numbers: Ints


def _files(batch: pa.RecordBatch) -> _Files:
    """The images among a batch of files."""
    # A file without a name is dropped too: a filter takes null for no.
    batch = batch.filter(pc.match_substring_regex(pc.utf8_lower(batch.column("name")), _IMAGE))
    stem = pc.replace_substring_regex(pc.utf8_lower(batch.column("name")), _IMAGE, "")
    # A number belongs to the name itself unless the name has the delimiter behind the item's identifier.
    numbered = pc.and_(pc.match_substring(stem, "_"), pc.match_substring_regex(stem, _NUMBER))
    named = pc.replace_substring_regex(stem, _KEYWORD, r"_\1")
    key = key_of(pc.if_else(numbered, pc.replace_substring_regex(named, _NUMBER, ""), named))
    digits = pc.replace_substring_regex(stem, r"^.*[^0-9]", "")
    number = pc.if_else(numbered, digits, str(_NO_NUMBER)).cast(pa.int64())
    # The delimiter of a name that ends behind it is not part of it.
    key = pc.replace_substring_regex(key, r"-+$", "")
    return _Files(batch.column("internalid").to_numpy(), batch.column("url"), _hashes(key), number.to_numpy())
