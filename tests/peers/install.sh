#!/bin/sh
# Installs the programs that tests/peers talks to (Debian, as root). None is started as a service,
# and nothing else needs them.
set -eu

# A service must not begin when its package is unpacked.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
fi
apt-get update -q
apt-get install -y -q --no-install-recommends prosody

sh "$(dirname "$0")/install_schemathesis.sh"
