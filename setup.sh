#!/bin/sh
# Makes the virtual environment that the Makefile's verbs use, from pinned versions.
# A missing prerequisite is named with the command that installs it.
# usage: setup.sh PYTHON VENV
set -eu
python=$1
venv=$2

fail() {
    printf 'pulsarack: %s\n' "$1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "$python is not installed; on Debian: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old, 3.11 or later is needed; on Debian 12: apt-get install python3 python3-venv, then make PYTHON=/usr/bin/python3"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "the venv module is missing; on Debian: apt-get install python3-venv"

rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/pip" --disable-pip-version-check --quiet install --constraint constraints.txt --editable '.[dev]' ||
    fail "installing the packages failed; is the package index reachable? then: make clean, and again"
