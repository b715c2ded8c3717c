#!/bin/sh
# Finds a Python of 3.11 or newer and hands over to bootstrap.py, which makes .venv.
# Usage: scripts/bootstrap.sh server|dev      (WRIT_PYTHON names the interpreter to use)
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [ -n "${WRIT_PYTHON:-}" ]; then
    new_enough "$WRIT_PYTHON" || {
        echo "bootstrap: WRIT_PYTHON=$WRIT_PYTHON is no Python of 3.11 or newer" >&2
        exit 2
    }
    exec "$WRIT_PYTHON" "$here/bootstrap.py" "$@"
fi
for python in python3 python3.13 python3.12 python3.11 python; do
    if new_enough "$python"; then
        exec "$python" "$here/bootstrap.py" "$@"
    fi
done
echo "bootstrap: Writ needs Python 3.11 or newer, and none was found on PATH." >&2
echo "bootstrap: install one, or name it: WRIT_PYTHON=/path/to/python3.11 make ..." >&2
exit 2
