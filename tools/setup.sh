#!/bin/sh
# Makes .venv ready: finds a Python that really runs and is new enough, and lets tools/setup.py do the rest.
# `PYTHON=/path/to/python3.12 make setup` names one.
set -u
cd "$(dirname "$0")/.." || exit 1
unset PYTHONHOME PYTHONPATH

# 0: fits; 3: another version; 4: it cannot make virtual environments. Anything else: it does not run.
probe='
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    print("%d.%d" % sys.version_info[:2])
    sys.exit(3)
try:
    import ensurepip, venv
except ImportError:
    print("%d.%d" % sys.version_info[:2])
    sys.exit(4)
'

found=''
without_venv=''
for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
    version=$("$candidate" -c "$probe" 2>/dev/null)
    case $? in
        0) exec "$candidate" tools/setup.py ;;
        3) found="$found${found:+, }$candidate is $version" ;;
        4)
            found="$found${found:+, }$candidate is $version"
            without_venv=${without_venv:-$version}
            ;;
        *) [ "$candidate" = "${PYTHON:-}" ] && found="$candidate does not run" ;;
    esac
    if [ "$candidate" = "${PYTHON:-}" ]; then
        break
    fi
done

if [ -n "$without_venv" ]; then
    echo "setup: Python $without_venv is here, but it cannot make virtual environments." >&2
    echo "       Install its venv package (Debian, Ubuntu: apt install python$without_venv-venv) and run this again." >&2
elif [ -n "${PYTHON:-}" ]; then
    echo "setup: PYTHON names an interpreter that does not fit: $found. Python 3.11, 3.12 or 3.13 is needed." >&2
else
    echo "setup: Python 3.11, 3.12 or 3.13 is needed and was not found (${found:-there is no python3 that runs})." >&2
    echo "       Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.12)," >&2
    echo "       or name the one you have: PYTHON=/path/to/python3.12 make setup" >&2
fi
exit 1
