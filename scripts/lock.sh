#!/bin/sh
# Writes the lock files under requirements/ for every supported Python, hashes and no index address.
# Usage: make lock            keep what is locked, add what is new
#        make lock ARGS=--upgrade            take the newest of everything
set -eu
cd "$(dirname -- "$0")/.."

compile() {
    out=$1
    shift
    echo "lock: requirements/$out" >&2
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --output-file "requirements/$out" "$@"
}

# The widest set is solved first and binds the narrower ones: one version of a package everywhere.
compile dev.txt "$@" --extra server pyproject.toml requirements/dev.in
compile server.txt --upgrade --extra server --constraints requirements/dev.txt pyproject.toml
compile base.txt --upgrade --constraints requirements/server.txt pyproject.toml
for name in build uv go; do
    compile "$name.txt" "$@" "requirements/$name.in"
done
# Of this one only a file is wanted, not what its program needs.
compile alpaca-spec.txt "$@" --no-deps requirements/alpaca-spec.in
