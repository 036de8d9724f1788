#!/bin/sh
# SPDX-License-Identifier: MIT
#
# results.sh RESULTS.md TITLE COMMAND TABLE - put the file TABLE as a section of
# today above the newest one.

set -eu
section=$(mktemp)
trap 'rm -f "$section" "$section.all"' EXIT
{
    echo "## $(date +%F), $2"
    echo
    echo "\`$3\`:"
    cat "$4"
    echo
} >"$section"
awk -v section="$section" '
    /^## / && !done {
        while ((getline line < section) > 0)
            print line
        done = 1
    }
    { print }' "$1" >"$section.all"
cp "$section.all" "$1"
