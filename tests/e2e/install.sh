#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh COMMAND[=PACKAGE]... - see to it that these commands are there.
#
# A command may also be the path of any file. PACKAGE is the Debian package that
# has it; without one they have the same name. What is missing is named, asked
# about (YES=1: not asked) and installed. Services that come along are kept from
# starting by /usr/sbin/policy-rc.d, which is put back afterwards.

set -eu
is_there() { command -v "${1%=*}" >/dev/null || [ -e "${1%=*}" ]; }
need=
for name in "$@"; do
    is_there "$name" || need="$need ${name#*=}"
done
[ -n "$need" ] || exit 0

echo "These tests need Debian's packages:$need"
if [ "${YES-}" != 1 ]; then
    printf 'Install them with apt-get? [y/N] '
    read -r yes
    [ "$yes" = y ] || { echo 'Not without them.' >&2; exit 1; }
fi

as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
policy=/usr/sbin/policy-rc.d
before=$(mktemp -d)
[ ! -e $policy ] || cp -p $policy "$before/policy"
put_back() {
    if [ -e "$before/policy" ]; then
        $as_root cp -p "$before/policy" $policy
    else
        $as_root rm -f $policy
    fi
    rm -rf "$before"
}
trap put_back EXIT
trap 'exit 1' INT TERM
# 101: no service may be started (invoke-rc.d's manual).
printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
$as_root chmod 755 $policy

apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq"
$apt update
# shellcheck disable=SC2086
$apt -y --no-install-recommends install $need >/dev/null
for name in "$@"; do
    is_there "$name" ||
        { echo "${name%=*} is not there after its installation" >&2; exit 1; }
done
