#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_get_bad.sh - mrget against a server that misbehaves (tests/bad/bad.h):
# every byte is right or the file does not get its name, and the status says
# which.

set -u
cd "${0%/*}/../.." || exit 1
MILLRACE=${MILLRACE-build/release/millrace}
. tests/site.sh
. tests/bad/bad.sh
bad_start

# one_of NAME "SIZE[:SEED] ...": it is one of these files.
one_of() {
    for each in $2; do
        case $each in *:*) ;; *) each=$each:1 ;; esac
        ! is_file "$1" "${each%:*}" "${each#*:}" || return 0
    done
    return 1
}

# row STATUS FILE QUERY [OPTION...]: fetch .../name?QUERY. FILE is SIZE or
# SIZE:SEED of what must be there then, or several of these; "-" for no file, "?"
# for none or, with status 0, the one of the query. Several statuses: 4|7.
row() {
    want_status=$1 want=$2 query=$3
    shift 3
    rows=$((rows + 1))
    rm -rf "$box"
    [ -z "${V-}" ] || echo "row $rows: $query $*"
    get "$@" "$bad_url/$rows/name?$query"
    what="$query $*"
    case "|$want_status|" in
    *"|$got_status|"*) ok ;;
    *) bad "$what: status $got_status, not $want_status" "$tmp/said" ;;
    esac
    if [ "$want" = '?' ]; then
        want=-
        [ "$got_status" != 0 ] || want=${query#*size=} want=${want%%&*}
    fi
    case $want in
    -) check "$what: there is a file" [ ! -e "$box/name" ] ;;
    *) check "$what: the bytes" one_of name "$want" ;;
    esac
    # Of a file that is whole nothing else is left.
    if [ -e "$box/name" ]; then
        check "$what: something is left" [ "$(ls -A "$box")" = name ]
    elif [ "$got_status" = 0 ]; then
        bad "$what: status 0 and no file"
    else
        check "$what: nothing is said" grep -q . "$tmp/said"
    fi
}
rows=0

# What is well, and bodies without a length.
row 0 300K 'size=300K'
row 0 0 'size=0'
row 0 1 'size=1'
row 0 20M 'size=20M' -x 4
row 0 300K 'size=300K&frame=chunked&chunk=999&trailer=X-T:%201'
row 0 300K 'size=300K&frame=close'
row 0 300K 'size=300K&http=1.0&frame=close'
row 0 300K 'size=300K&coding=gzip' --compressed
row 0 300K 'size=300K&coding=br&frame=chunked' --compressed
row 0 300K 'size=300K&coding=zstd&frame=close' --compressed
row 0 2000 'size=2000&piece=100&every=10ms'
row 0 3000 'size=3000&interim=3'

# Cut and reset, once or each time: what came is not asked for again.
row 0 3M 'size=3M&at=1M&do=reset&times=1'
row 0 3M 'size=3M&at=1M&do=cut&times=1'
row 0 3M 'size=3M&at=1M&do=cut'
row 0 3M 'size=3M&at=1M&do=cut&etag=none&modified=1'
row 0 3M 'size=3M&at=1M&do=cut&etag=none&times=1'
row 0 3M 'size=3M&at=1M&do=cut&ranges=no&times=1'
row 0 3M 'size=3M&at=1M&do=cut&ranges=none&times=1'
row 4 - 'size=3M&at=1M&do=cut&ranges=no'
row 4 - 'size=3M&at=0&do=cut'
row 4 - 'size=3M&at=0&do=reset'
row 0 3M 'size=3M&at=100K&do=stall&times=1'
row 0 4M 'size=4M&at=300K&do=reset&times=3&piece=64K&every=4ms' -x 4
row 0 3M 'size=3M&frame=chunked&at=1M&do=cut&times=1'
row 0 3M 'size=3M&frame=close&at=1M&do=reset&times=1'
row '4|7' - 'size=3M&frame=chunked&at=1M&do=cut&ranges=no'
row '4|7' - 'size=300K&frame=close&at=100K&do=reset&ranges=no'

# Lengths and framing that are wrong.
row '4|7' - 'size=300K&length=400K&then=close&ranges=no'
row '4|7' - 'size=300K&length=409600&then=close&ranges=no'
row 7 - 'size=300K&frame=both'
row 7 - 'size=300K&field=Content-Length:%205'
row 7 - 'size=300K&length=-1'
row 7 - 'size=300K&frame=chunked&chunks=garbage'
row 7 - 'size=300K&frame=chunked&chunks=huge&at=100K'
row 7 - 'size=300K&frame=chunked&chunks=negative&at=100K'
row '4|7' - 'size=300K&frame=chunked&chunks=unended'
row 7 - 'size=300K&frame=chunked&chunks=trailer'
row 0 300K 'size=300K&extra=100'
row 7 - 'size=300K&http=0.9'
row 7 - 'size=300K&head=bytes&raw=nonsense%0d%0a%0d%0a&then=close'
row 7 - 'size=300K&fields=100000'
row 7 - 'size=300K&interim=100000'
row 4 - 'head=none'
row '4|7' - 'head=half&do=cut'
row 0 300K 'size=300K&head=none&do=cut&times=2'
row 0 300K 'size=300K&head=none&times=1'
row 7 - 'size=300K&said=gzip' --compressed
row '4|7' - 'size=300K&coding=gzip&frame=close&at=1000&do=cut' --compressed

row 7 - 'size=100G&fill=zero&coding=br&frame=chunked' --compressed
row 7 - 'size=100G&fill=zero&coding=zstd&frame=chunked' --compressed

# Ranges that are not what was asked for.
row 0 4M "size=4M&ranges=no&piece=64K&every=4ms" -x 4
row 0 4M 'size=4M&ranges=none&piece=64K&every=4ms' -x 4
row 0 4M 'size=4M&ranges=refused&piece=64K&every=4ms' -x 4
row 0 4M 'size=4M&ranges=short&piece=64K&every=4ms' -x 4
row '0|7' '?' 'size=300K&ranges=unasked'
row '0|7|9' '?' 'size=4M&ranges=shifted&piece=64K&every=4ms' -x 4
row '0|7|9' '?' 'size=4M&ranges=total&piece=64K&every=4ms' -x 4
row '0|7|9' '?' 'size=4M&ranges=multipart&piece=64K&every=4ms' -x 4
row '0|7|9' '?' 'size=4M&ranges=garbage&piece=64K&every=4ms' -x 4
row '0|4|7|9' '?' 'size=3M&at=1M&do=cut&ranges=shifted'
row '0|4|7|9' '?' 'size=3M&at=1M&do=cut&ranges=total'
row '0|4|7|9' '?' 'size=3M&at=1M&do=cut&ranges=refused'

# The file changes while it is fetched: all of the new one, or nothing.
row 0 3M:2 'size=3M&changes=1&at=1M&do=cut&times=1'
row 0 3M:2 'size=3M&changes=1&at=1M&do=cut&times=1&etag=weak'
row 0 3M:2 'size=3M&changes=1&at=1M&do=cut&times=1&etag=none'
row 0 3M:2 'size=3M&changes=1&at=1M&do=cut&times=1&etag=none&modified=1'
row 0 3M:2 'size=3M&changes=1&at=1M&do=cut&times=1&blind=1'
row 0 2M:2 'size=3M&changes=1&resize=2M&at=1M&do=cut&times=1'
row 0 500K:2 'size=3M&changes=1&resize=500K&at=1M&do=cut&times=1'
row 0 500K:2 'size=3M&changes=1&resize=500K&at=1M&do=cut&times=1&blind=1'
slow='piece=64K&every=4ms'
row 0 '4M 4M:2' "size=4M&changes=1&$slow" -x 4
row 0 '4M 4M:2' "size=4M&changes=2&$slow" -x 4
row 0 '4M 4M:2' "size=4M&changes=3&$slow&etag=none&modified=1" -x 4
row 0 '4M 4M:2' "size=4M&changes=1&$slow&blind=1" -x 4
row 0 '4M 4M:2' "size=4M&changes=1&$slow&blind=1&etag=weak" -x 4
row 0 '4M 4M:2' "size=4M&changes=1&$slow&blind=1&etag=none" -x 4

# Statuses, and when to come back.
row 0 300K 'size=300K&status=503&times=2'
row 0 300K 'size=300K&status=503&times=1&retry=0'
row 0 300K 'size=300K&status=503&times=1&retry=1'
row 0 300K 'size=300K&status=429&times=1&retry_date=1'
row 8 - 'size=300K&status=503'
row 8 - 'size=300K&status=404'
row 8 - 'size=300K&status=403'
row 6 - 'size=300K&login=dTpw'
row 0 300K 'size=300K&login=dTpw' -u u:p
row 0 300K 'size=300K&needs=X-A:%20b' -H 'X-A: b'

# Redirects.
row 0 300K 'size=300K&hops=5'
row 7 - 'size=300K&hops=1000'
row 7 - 'size=300K&status=302&to=ftp://127.0.0.1/a'
row 7 - 'size=300K&status=302&to=http://%5b'
row 7 - 'size=300K&status=302&to=http://u:p@127.0.0.1/a'
row '7|8' - 'size=300K&status=302'
[ -z "$bad6_url" ] ||
    row 0 300K "size=300K&status=302&to=$bad6_url/other%3fsize%3d300K"

# Sums of the wanted bytes; without OpenSSL in this build there are none.
sum=$("$bad_program" --write 300K | sha256sum | cut -d' ' -f1)
get --checksum "sha256=$sum" "$bad_url/sum/name?size=300K"
if grep -q 'no sha256 here' "$tmp/said"; then
    row 2 - 'size=300K' --checksum "sha256=$sum"
else
    row 0 300K 'size=300K' --checksum "sha256=$sum"
    row 9 - 'size=300K&seed=2' --checksum "sha256=$sum"
    sum=$("$bad_program" --write 20M | sha256sum | cut -d' ' -f1)
    row 0 20M 'size=20M' -x 4 --checksum "sha256=$sum"
fi

. tests/apps/get_bad_more.sh
bad_stop
checks_done apps/get_bad
