#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_rfc.sh - RFC.md has a row for each sentence of rfc_must.txt, and what its
# rows name exists. With DIR as argument: the two files there, to test this.

cd "$(dirname "$0")/../.." || exit 1
dir=${1:-tests/http}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Each test that is defined and stands in a suite, and each script.
for f in tests/http/test_*.c; do
    name=$(basename "$f" .c)
    sed -n 's/^\(TEST\|WEB\|IN_HUB\)(\([a-z0-9_]*\).*/\2/p' "$f" |
        while read -r test; do
            awk -v t="$test" '/^SUITE\(/ { on = 1 }
                on && match($0 " ", "[ (]" t "[,) ]") { found = 1 }
                /\)$/ { on = 0 }
                END { exit !found }' "$f" && echo "$name $test"
        done
done >"$tmp/tests"
for f in tests/wire/*.wire; do
    echo "wire $(basename "$f" .wire)"
done >>"$tmp/tests"

awk -v tests="$tmp/tests" -v list="$dir/rfc_must.txt" '
function bad(text) {
    print FILENAME ":" FNR ": " text
    failed++
}
FILENAME == tests { have[$0] = 1; next }
FILENAME == list && /^#/ { next }
FILENAME == list && $1 == "count" { count[$2] = $3; next }
FILENAME == list {
    key = $1 " " $2 " " $3
    if (key in want) bad(key ": twice")
    want[key] = 1
    n[$1]++
    next
}
/^## RFC / { rfc = substr($3, 1, 4); next }
/^\| [0-9]/ {
    if (split($0, cell, " *\\| *") != 6) { bad("not four columns"); next }
    key = rfc " " cell[2] " " cell[3]
    if (!(key in want)) bad(key ": no such sentence")
    if (key in row) bad(key ": a second row")
    row[key] = 1
    if (cell[4] == "") bad(key ": says nothing")
    if (cell[5] ~ /^not an origin server: ./) { others[rfc]++; next }
    if (cell[5] !~ /^`[^`]+`(, `[^`]+`)*$/) bad(key ": neither test nor reason")
    tested[rfc]++
    while (match(cell[5], /`[^`]+`/)) {
        name = substr(cell[5], RSTART + 1, RLENGTH - 2)
        cell[5] = substr(cell[5], RSTART + RLENGTH)
        if (!(name in have)) bad(key ": no test " name)
    }
    next
}
/^[0-9]+ sentences: / {
    said[rfc] = $1 " " $3 " " $6
}
END {
    for (key in want)
        if (!(key in row)) bad(key ": no row")
    for (rfc in count) {
        if (n[rfc] != count[rfc])
            bad("RFC " rfc ": " n[rfc] + 0 " sentences, not " count[rfc])
        sum = n[rfc] + 0 " " tested[rfc] + 0 " " others[rfc] + 0
        if (said[rfc] != sum)
            bad("RFC " rfc ": it says " said[rfc] ", there are " sum)
    }
    if (!(9110 in count) || !(9112 in count)) bad("a count is missing")
    exit failed > 0
}' "$tmp/tests" "$dir/rfc_must.txt" "$dir/RFC.md" || exit 1

# The check can fail: each of these changes must be found.
[ $# -eq 0 ] || exit 0
try() {
    mkdir -p "$tmp/try"
    cp "$dir/rfc_must.txt" "$dir/RFC.md" "$tmp/try"
    sed -i "$2" "$tmp/try/$1"
    if cmp -s "$dir/$1" "$tmp/try/$1" ||
        sh tests/http/test_rfc.sh "$tmp/try" >"$tmp/out"; then
        echo "tests/http/test_rfc.sh: not found: $2"
        failed=1
    fi
}
failed=0
try RFC.md '/^| 6.2 | 1 /d'
try RFC.md 's/^\(| 6.2 | 1 .*\)`test_response [a-z_]*`/\1`test_response no_such`/'
try RFC.md 's/^\(| 2.2 | 7 .*| \)`.*/\1none |/'
try RFC.md 's/^\(| 5.1 | 2 .*not an origin server:\).*/\1 |/'
try RFC.md 's/^\(| 3 | 1 .*\)`wire .*`/\1`wire 999-none`/'
try rfc_must.txt '/^9112 6.3 4 /d'
try rfc_must.txt 's/^9110 9.1 1 /9110 9.1 2 /'
exit $failed
