#!/bin/sh
# Installs other programs that drive modems (Debian, as root), and whatever more packages are named:
#   sh benchmarks/peers_install.sh [PACKAGE]...
# They come from Debian, and python-gsmmodem (the fork that runs on today's Python) from PyPI into
# an environment of its own. None of them is started as a service, or needed for anything else.
set -eu
cd "$(dirname "$0")/.."
venv=benchmarks/results/.peers-venv

# A service must not begin when its package is unpacked.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
fi
apt-get update -q
apt-get install -y -q --no-install-recommends gammu-smsd libdbd-sqlite3 smstools kannel "$@"

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install -q 'python-gsmmodem-new==0.13.0' 'pyserial==3.5'
