#!/bin/sh
# Installs the programs of `bench peers` (Debian, as root), and runs it with what is given here:
#   sh benchmarks/peers.sh [--rounds N] [--modems N]...
set -eu
cd "$(dirname "$0")/.."
sh benchmarks/peers_install.sh
.venv/bin/python -m benchmarks peers "$@"
