#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_full_disk.sh - an access log on a disk that is full: the server serves
# on, each line is written or counted as lost, and after SIGUSR1 there is a new
# file. The disk is a small one in memory, in a mount namespace of the script's.

set -u
if [ -z "${IN_NAMESPACE-}" ] && unshare -m true 2>/dev/null; then
    IN_NAMESPACE=1 exec unshare -m sh "$0"
fi
. "${0%/*}/../site.sh"

requests=1500
disk=$tmp/disk
mkdir "$disk"
if [ -z "${IN_NAMESPACE-}" ] ||
    ! mount -t tmpfs -o size=64k none "$disk" 2>"$tmp/mount"; then
    echo 'nothing can be mounted here: a full disk cannot be made'
    checks_done e2e/full_disk
    exit
fi
trap 'umount -l "$disk" 2>/dev/null; site_clean' EXIT
site_start 'workers = 1
access_log = "@DIR@/disk/access.log"
route "/" { app = hello }'

curl -sS -o "$tmp/body" -w '%{http_code}\n' "$site_url/?[1-$requests]" \
    >"$tmp/codes"
served=$(grep -c '^200$' "$tmp/codes")
check "$served of $requests answered" [ "$served" = "$requests" ]

written() { tr -cd '\n' <"$disk/access.log" | wc -c; }
lost() {
    sed -n 's/.*: \([0-9]*\) lines lost so far.*/\1/p' "$site_log" | tail -n 1
}
all_are_known() { [ "$(($(written) + $(lost)))" = "$requests" ]; }
check 'lines are lost without a word' until_true log_has 'lines lost so far'
check "$(written) written, $(lost) lost, of $requests" until_true all_are_known

# As logrotate does; the space comes free when the old file is closed.
rm "$disk/access.log"
kill -USR1 "$site_pid"
check 'no new file' until_true [ -e "$disk/access.log" ]
check 'not answered' curl -fsS "$site_url/afterwards"
check 'the new file has no line' \
    until_true grep -q '"GET /afterwards HTTP/1.1" 200 ' "$disk/access.log"
site_stop
umount "$disk"
checks_done e2e/full_disk
