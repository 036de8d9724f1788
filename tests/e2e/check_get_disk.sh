#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_get_disk.sh - mrget on a disk that becomes full: that file fails and says
# so, the others are whole, and when there is room again it goes on. The disk is
# a small one in memory, in a mount namespace of the script's.

set -u
if [ -z "${IN_NAMESPACE-}" ] && unshare -m true 2>/dev/null; then
    IN_NAMESPACE=1 exec unshare -m sh "$0"
fi
cd "${0%/*}/../.." || exit 1
. tests/site.sh
. tests/bad/bad.sh
mkdir "$box"
if [ -z "${IN_NAMESPACE-}" ] ||
    ! mount -t tmpfs -o size=2m none "$box" 2>"$tmp/mount"; then
    echo 'nothing can be mounted here: a full disk cannot be made'
    checks_done e2e/get_disk
    exit
fi
trap 'umount -l "$box" 2>/dev/null; bad_clean; site_clean' EXIT
bad_start

# A length that is known does not fit: told at once. One that is not known fills
# the disk, so slowly that the others are there before.
for frame in length chunked; do
    get "$bad_url/big?size=5M&frame=$frame&piece=64K&every=20ms" \
        "$bad_url/small?size=9K" \
        "$bad_url/other?size=200K"
    check "$frame: status $got_status" [ $got_status = 3 ]
    check "$frame: it does not say why: $(cat "$tmp/said")" \
        grep -qi 'big.*no space\|no space.*big' "$tmp/said"
    check "$frame: a name without a file" [ ! -e "$box/big" ]
    check "$frame: the small one" is_file small 9K
    check "$frame: the other one" is_file other 200K
    rm -f "$box"/*
done

# Somebody else has filled it; later there is room.
head -c 1200K /dev/zero >"$box/filler"
get "$bad_url/big?size=1M"
check "filled: status $got_status" [ $got_status = 3 ]
check 'filled: a name without a file' [ ! -e "$box/big" ]
rm "$box/filler"
get -c "$bad_url/big?size=1M"
check "room again: status $got_status" [ $got_status = 0 ]
check 'room again' is_file big 1M
rm -f "$box"/*

# Somebody fills it while a file comes: in memory nothing is preallocated. What
# has come is kept, but for as much as the journal itself needs, and said to be.
a_part_came() { [ "$(stat -c %s "$box/big.part" 2>/dev/null)" -ge 262144 ]; }
(
    until_true a_part_came 2>/dev/null
    head -c 2M /dev/zero >"$box/filler" 2>/dev/null
) &
get "$bad_url/big?size=1M&piece=16K&every=20ms" "$bad_url/small?size=9K"
wait $!
check "filled under way: status $got_status" [ $got_status = 3 ]
check 'filled under way: a name without a file' [ ! -e "$box/big" ]
check 'filled under way: it does not say that it can go on' \
    grep -q -e '-c goes on' "$tmp/said"
check 'filled under way: the journal says nothing' [ -s "$box/big.part.journal" ]
check 'filled under way: the small one' is_file small 9K
rm "$box/filler"
get -c "$bad_url/big?size=1M"
check "it goes on: status $got_status" [ $got_status = 0 ]
check 'it goes on' is_file big 1M
rm -f "$box"/*

# Somebody fills it while a file comes whose length nobody knows.
(
    until_true [ -s "$box/big.part" ]
    head -c 2M /dev/zero >"$box/filler" 2>/dev/null
) &
get "$bad_url/big?size=1M&frame=chunked&piece=16K&every=20ms" \
    "$bad_url/small?size=9K"
wait $!
check "filled meanwhile: status $got_status" [ $got_status = 3 ]
check 'filled meanwhile: a name without a file' [ ! -e "$box/big" ]
check 'filled meanwhile: the small one' is_file small 9K
rm "$box/filler"
get -c "$bad_url/big?size=1M&frame=chunked"
check "room for it: status $got_status" [ $got_status = 0 ]
check 'room for it' is_file big 1M
rm -f "$box"/*

# Read-only: one line, no file.
mount -o remount,ro "$box"
get "$bad_url/name?size=9K"
check "read-only: status $got_status" [ $got_status = 3 ]
check 'read-only: not said' grep -qi 'read-only' "$tmp/said"
check 'read-only: where is not said' grep -q 'in the directory \.' "$tmp/said"
bad_stop
checks_done e2e/get_disk
