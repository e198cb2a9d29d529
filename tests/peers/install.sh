#!/bin/sh
# Gets the programs that tests/peers talks to, each in a folder of its own below .peers, so the
# machine stays as it is: Prosody and Prometheus (unpacked from Debian, unless they are installed),
# the clients of node, schemathesis. What cannot be had is said here, and its tests are skipped.
set -u
cd "$(dirname "$0")/../.."
mkdir -p .peers
peers=$PWD/.peers
SCHEMATHESIS=4.32.5
DIGIFLAZZ=1.1.1

missing() { echo "pulsarack: $1; its tests are skipped" >&2; }

prosody() {
    command -v prosody >/dev/null && return
    [ -x "$peers/bin/prosody" ] && return
    command -v apt-get >/dev/null || { missing "there is no prosody, and no apt-get"; return; }
    packages="prosody lua5.4 lua-expat lua-filesystem lua-bitop lua-sec lua-socket"
    mkdir -p "$peers/debian" "$peers/bin"
    (
        cd "$peers/debian" || exit 1
        # shellcheck disable=SC2086
        timeout 60 apt-get -qq download $packages 2>/dev/null ||
            { timeout 60 apt-get -qq update && timeout 60 apt-get -qq download $packages; } || exit 1
        for package in *.deb; do dpkg -x "$package" . && rm "$package" || exit 1; done
        sed "s|'/usr/lib/prosody|'$peers/debian/usr/lib/prosody|" usr/bin/prosody >prosody.lua
        cat >"$peers/bin/prosody" <<END
#!/bin/sh
at=$peers/debian
export LUA_PATH="\$at/usr/share/lua/5.4/?.lua;\$at/usr/share/lua/5.4/?/init.lua;;"
export LUA_CPATH="\$(echo "\$at"/usr/lib/*-linux-gnu)/lua/5.4/?.so;;"
exec "\$at/usr/bin/lua5.4" "\$at/prosody.lua" "\$@"
END
        chmod +x "$peers/bin/prosody"
    ) || missing "prosody cannot be had from Debian"
}

prometheus() {
    command -v promtool >/dev/null && return
    [ -x "$peers/bin/promtool" ] && return
    command -v apt-get >/dev/null || { missing "there is no promtool, and no apt-get"; return; }
    mkdir -p "$peers/prometheus-debian" "$peers/bin"
    (
        cd "$peers/prometheus-debian" || exit 1
        timeout 60 apt-get -qq download prometheus 2>/dev/null ||
            { timeout 60 apt-get -qq update && timeout 60 apt-get -qq download prometheus; } || exit 1
        dpkg -x prometheus_*.deb . && rm prometheus_*.deb || exit 1
        ln -sf "$PWD/usr/bin/promtool" "$PWD/usr/bin/prometheus" "$peers/bin/"
    ) || missing "prometheus cannot be had from Debian"
}

node_clients() {
    [ -d "$peers/node/node_modules/digiflazz" ] && return
    command -v npm >/dev/null || { missing "there is no npm"; return; }
    mkdir -p "$peers/node"
    timeout 60 npm install --silent --fetch-retries=1 --no-audit --no-fund --ignore-scripts --prefix "$peers/node" \
        "digiflazz@$DIGIFLAZZ" >/dev/null 2>&1 || missing "npm does not bring digiflazz"
}

schemathesis() {
    [ -x "$peers/schemathesis/bin/schemathesis" ] && return
    "${PYTHON:-python3}" -m venv "$peers/schemathesis" &&
        timeout 120 "$peers/schemathesis/bin/pip" install -q --disable-pip-version-check --no-compile --retries 1 \
            "schemathesis==$SCHEMATHESIS" >"$peers/pip.log" 2>&1 || missing "schemathesis cannot be installed"
}

prosody &
prometheus &
node_clients &
schemathesis &
wait
exit 0
