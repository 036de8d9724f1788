#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_echo.sh - curl gets back what it sends, up to 1 GiB, streamed: no worker
# ever has 32 MiB.

set -u
. "${0%/*}/../site.sh"

site_start 'route "/echo" { app = echo }'
: >"$tmp/0"
printf x >"$tmp/1"
head -c 1M /dev/urandom >"$tmp/1M"
# A gigabyte that repeats in no power of two, sooner than the kernel makes one.
i=0
while [ $i -lt 1024 ]; do
    cat "$tmp/1M"
    echo $i
    i=$((i + 1))
done | head -c 1G >"$tmp/1G"
check 'no file of 1 GiB could be made' \
    [ "$(wc -c <"$tmp/1G")" -eq 1073741824 ]

# same FILE OPTION...: post it and compare.
same() {
    file=$1
    shift
    curl -fsS "$@" "$site_url/echo" 2>"$tmp/curl" | cmp - "$tmp/$file" &&
        [ ! -s "$tmp/curl" ] || { cat "$tmp/curl"; return 1; }
}
for size in 0 1 1M; do
    check "$size bytes" same $size --data-binary "@$tmp/$size"
    check "$size bytes in chunks" same $size --data-binary "@$tmp/$size" \
        -H 'Transfer-Encoding: chunked'
done
# curl's --data-binary holds the whole file, and gives up at 1 GiB: -T streams.
check '1 GiB' same 1G -X POST -T "$tmp/1G"
check '1 GiB in chunks' same 1G -X POST -T "$tmp/1G" \
    -H 'Transfer-Encoding: chunked'

peak=$(site_peak_kib)
echo "peak memory of a worker: $peak KiB"
check "a worker had $peak KiB" [ "$peak" -lt 32768 ]
site_stop
checks_done e2e/echo
