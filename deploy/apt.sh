# Sourced by setup.sh and deps.sh: install Debian packages when this user may, or say so in one sentence.
# Takes package names; returns 1 when it may not or could not.
apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" = 0 ]; then as_root=""
    elif sudo -n true 2>/dev/null; then as_root="sudo -n"
    else return 1
    fi
    echo "installing with apt: $*" >&2
    # DPkg::Lock::Timeout waits for an apt that is already at work. mosquitto would start a broker on 1883 when it is
    # installed; policy-rc.d says no for the length of this run, unless the machine has its own.
    policy=/usr/sbin/policy-rc.d
    made=""
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null && $as_root chmod 755 "$policy" && made=1
    fi
    status=0
    $as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        apt-get -o DPkg::Lock::Timeout=300 -qq update && apt-get -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends "$@"
    ' apt "$@" >&2 </dev/null || status=1
    [ -z "$made" ] || $as_root rm -f "$policy"
    return $status
}
