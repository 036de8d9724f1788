# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# bad.sh - for scripts, to be read with `.` from the top of the tree after
# tests/site.sh: the misbehaving server, and mrget on it.
#
#     . tests/bad/bad.sh
#     bad_start                  [--tls CERT KEY]
#     get -c "$bad_url/a?size=1M&at=5000&do=reset"
#     check 'the status' [ $got_status = 4 ]
#     check 'all of it' is_file a 1M
#     bad_stop
#
# $bad_url is on 127.0.0.1, $bad6_url on ::1 (empty where there is no IPv6). get
# runs mrget in the directory $box, with short time-outs and few retries.

bad_program=$(cd "${MR_BUILD-build/release}" && pwd)/tests/bad/bad
mrget=${MRGET-$(cd "${MR_BUILD-build/release}" && pwd)/mrget}
box=$tmp/box
bad_pid=
bad_clean() { [ -z "$bad_pid" ] || kill -9 "$bad_pid" 2>/dev/null || :; }
trap 'bad_clean; site_clean' EXIT

bad_port() { sed -n "s/^listening on $1:\([0-9]*\)$/\1/p" "$tmp/bad.out"; }
bad_ready_or_dead() {
    grep -q '^ready' "$tmp/bad.out" || ! kill -0 "$bad_pid" 2>/dev/null
}

bad_start() {
    scheme=http
    case "$*" in *--tls*) scheme=https ;; esac
    v6='[::1]:0'
    grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null || v6=
    : >"$tmp/bad.out"
    # shellcheck disable=SC2086
    "$bad_program" "$@" 127.0.0.1:0 $v6 >"$tmp/bad.out" 2>"$tmp/bad.err" &
    bad_pid=$!
    if ! until_true bad_ready_or_dead || ! grep -q '^ready' "$tmp/bad.out"; then
        bad 'the misbehaving server does not start' "$tmp/bad.err"
        exit 1
    fi
    bad_url=$scheme://127.0.0.1:$(bad_port '127\.0\.0\.1')
    bad6_url=
    [ -z "$v6" ] || bad6_url="$scheme://[::1]:$(bad_port '\[::1\]')"
}

bad_stop() {
    kill "$bad_pid"
    if wait "$bad_pid"; then ok
    else bad 'the misbehaving server ended badly' "$tmp/bad.err"; fi
    bad_pid=
}

# get ARGUMENT...: its status in got_status, what it said in $tmp/said.
get() {
    mkdir -p "$box"
    (cd "$box" && HOME=$tmp exec timeout "${PATIENCE-20}" "$mrget" --retry 3 \
        --retry-wait 10ms --timeout 500ms "$@") >"$tmp/said" 2>&1 </dev/null
    got_status=$?
}

# is_file NAME SIZE [SEED]: in the box, with every byte of that file.
is_file() {
    "$bad_program" --write "$2" "${3-1}" >"$tmp/want" &&
        cmp "$tmp/want" "$box/$1"
}
