#!/bin/sh
# Make the virtual environment: setup.sh PYTHON VENV. The stamp is written last, so a half-made one is made again.
set -eu
python=$1
venv=$2
here=$(dirname "$0")
. "$here/apt.sh"

if ! command -v "$python" >/dev/null 2>&1; then
    apt_install python3 python3-venv || { echo "python 3.11 or newer is missing: apt install python3 python3-venv" >&2; exit 2; }
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$("$python" --version 2>&1) is too old: meterbench needs 3.11 or newer (make PYTHON=python3.12 ...)" >&2
    exit 2
fi
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    apt_install python3-venv || { echo "the venv module is missing: apt install python3-venv, then make again" >&2; exit 2; }
fi

trap 'status=$?; [ "$status" = 0 ] || { rm -rf "$venv"; echo "the half-made $venv was removed; mend the error above, then make again" >&2; }' EXIT
trap 'exit 130' INT TERM
rm -rf "$venv"
echo "making $venv (once; a minute or two)" >&2
"$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --editable '.[dev]'
touch "$venv/.stamp"
