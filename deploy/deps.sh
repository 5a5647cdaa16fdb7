#!/bin/sh
# The independent programs that the tests talk to. Says what is missing, installs it when it may.
# DEPS=0: install nothing; what needs a missing one is skipped by name (never with CI=true).
set -eu
here=$(dirname "$0")
. "$here/apt.sh"

find_missing() {
    missing=""
    command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
    command -v mosquitto_sub >/dev/null 2>&1 || missing="$missing mosquitto-clients"
    command -v mbpoll >/dev/null 2>&1 || missing="$missing mbpoll"
    command -v gcc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
    command -v pkg-config >/dev/null 2>&1 || missing="$missing pkg-config"
    [ -e /usr/include/modbus/modbus.h ] || missing="$missing libmodbus-dev"
}

find_missing
[ -n "$missing" ] || exit 0
echo "missing for the tests:$missing" >&2
if [ "${DEPS:-1}" != 0 ] && apt_install $missing; then
    find_missing
    [ -n "$missing" ] || exit 0
fi
if [ "${CI:-}" = true ]; then
    echo "CI needs them: apt install$missing" >&2
    exit 1
fi
echo "what needs them is skipped by name; to have it all: apt install$missing" >&2
