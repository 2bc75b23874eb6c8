#!/bin/sh
# Writes constraints.txt anew from requirements.txt and requirements-docker.txt, for Python 3.11 to 3.13 at once.
# Versions that still fit stay; `tools/lock.sh --upgrade` takes the newest of everything.
set -eu
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
.venv/bin/python -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
cp constraints.txt "$scratch/constraints.txt"
"$scratch/venv/bin/uv" pip compile --universal --python-version 3.11 --no-annotate --no-header --quiet \
    -o "$scratch/constraints.txt" "$@" requirements.txt requirements-docker.txt
{
    echo "# Every version of every package, resolved once for Python 3.11 to 3.13: \`make lock\` writes it anew."
    grep -v '^#' "$scratch/constraints.txt"
} > constraints.txt.new
mv constraints.txt.new constraints.txt
echo "constraints.txt: $(grep -c '==' constraints.txt) lines"
