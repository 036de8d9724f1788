#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh DIRECTORY - see to it that npm's playwright-core, of the version
# that package.json names, is there; asks first (YES=1: not asked). It is what
# drives the browser, which is Debian's: none is fetched.

set -eu
to=$1
here=${0%/*}
[ ! -d "$to/node_modules/playwright-core" ] ||
    ! cmp -s "$here/package.json" "$to/package.json" || exit 0

echo "These tests need npm's playwright-core, in $to"
if [ "${YES-}" != 1 ]; then
    printf 'Install it with npm? [y/N] '
    read -r yes
    [ "$yes" = y ] || { echo 'Not without it.' >&2; exit 1; }
fi
rm -rf "$to"
mkdir -p "$to"
cp "$here/package.json" "$to/"
cd "$to"
PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --no-package-lock \
    --ignore-scripts --no-audit --no-fund --silent \
    --cache "$PWD/.npm-cache" ||
    { rm -f package.json; echo 'npm could not install it' >&2; exit 1; }
