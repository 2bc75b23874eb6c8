#!/bin/sh
# Makes .witness, the virtual environment of clients that are not ours, PyPI's `netsuite` and Klaviyo's SDK: second opinions on the
# sandbox accounts (tests/sandbox). Done once; afterwards it costs nothing.
# `PYTHON=/path/to/python3.12 tools/witness.sh` names the Python to make it with; usually that of .venv.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONHOME PYTHONPATH
pins=tools/witness-requirements.txt
made=.witness/made-from.txt
if cmp -s "$pins" "$made" && .witness/bin/python -c 'import netsuite, klaviyo_api' 2>/dev/null; then
    exit 0
fi
rm -rf .witness
"${PYTHON:-.venv/bin/python}" -m venv .witness
.witness/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$pins"
cp "$pins" "$made"
echo "witness: .witness is ready"
