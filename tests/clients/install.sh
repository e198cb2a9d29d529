#!/bin/sh
# Installs the programs that tests/clients lets drive the simulated rack (Debian, as root).
# Nothing else needs them, and none is started as a service.
set -eu
cd "$(dirname "$0")/../.."
sh benchmarks/peers_install.sh gammu modemmanager dbus-daemon dbus-bin
