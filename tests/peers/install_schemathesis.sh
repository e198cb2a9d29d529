#!/bin/sh
# Installs schemathesis in an environment of its own, .peers/schemathesis: it brings half a hundred
# packages that the product has no use for. Only `make test-peers` needs it.
set -eu
cd "$(dirname "$0")/../.."
environment=.peers/schemathesis
[ -x "$environment/bin/schemathesis" ] && exit 0
"${PYTHON:-python3}" -m venv "$environment"
"$environment/bin/pip" install -q 'schemathesis>=4.32,<5'
