# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# site.sh - for scripts, to be read with `.`: a server on an address of its own,
# and checks that are counted. The C tests have tests/apps/site.h for it.
#
#     . tests/site.sh
#     site_start 'route "/" { app = hello }'
#     check 'it answers' curl -fsS "$site_url"
#     site_stop
#     checks_done e2e/answers
#
# The server's program is $MILLRACE. $tmp is a directory that goes at the end
# (KEEP=1: it stays).
# In a configuration @HOST@ and @DIR@ stand for the address and for $tmp.

site_pid=
passed=0
failed=0
tmp=$(mktemp -d) || exit 1
site_log=$tmp/log
# A loopback address made from the process id: no port has to be guessed.
site_host=127.$((1 + $$ / 65536 % 254)).$(($$ / 256 % 256)).$((1 + $$ % 254))
site_url=http://$site_host:8080
: "${MILLRACE:?the path of the server to test}"

site_clean() {
    [ -z "$site_pid" ] || kill -9 "$site_pid" 2>/dev/null || :
    if [ -n "${KEEP-}" ]; then echo "kept: $tmp"; else rm -rf "$tmp"; fi
}
trap site_clean EXIT
trap 'exit 1' INT TERM

ok() { passed=$((passed + 1)); }

# bad WHAT [FILE...]: a failure, and what the files hold.
bad() {
    failed=$((failed + 1))
    echo "${0##*/}: failed: $1"
    shift
    for file in "$@"; do sed 's/^/    | /' "$file"; done
}

# check WHAT COMMAND...: its status tells; its output is shown if it fails.
check() {
    what=$1
    shift
    if "$@" >"$tmp/check" 2>&1; then ok; else bad "$what" "$tmp/check"; fi
}

# The last line of a script: the totals, and the status.
checks_done() {
    [ -z "${MR_TEST_TALLY-}" ] ||
        echo "$passed $failed $1" >>"$MR_TEST_TALLY"
    echo "$1: $passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# until_true COMMAND...: within 30 s, looked at 20 times a second.
until_true() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || return 1
        sleep 0.05
    done
}

log_has() { grep -qF "$1" "$site_log"; }
ready_or_dead() {
    log_has 'listening on ' || ! kill -0 "$site_pid" 2>/dev/null
}

# site_run ARGUMENT...: the server, until it is ready; else the script ends.
site_run() {
    : >"$site_log"
    "$MILLRACE" "$@" >>"$site_log" 2>&1 &
    site_pid=$!
    if until_true ready_or_dead && log_has 'listening on '; then return; fi
    bad 'the server does not start' "$site_log"
    exit 1
}

# site_start TEXT: the same on a configuration.
site_start() {
    { case $1 in *listen*) ;; *) echo 'listen "@HOST@:8080" {}' ;; esac
      printf '%s\n' "$1"; } |
        sed "s|@HOST@|$site_host|g; s|@DIR@|$tmp|g" >"$tmp/conf"
    site_run -c "$tmp/conf"
}

site_stop() {
    kill "$site_pid"
    if wait "$site_pid"; then ok
    else bad 'the server ended badly' "$site_log"; fi
    site_pid=
}

# The pids of the workers. (The 4th word of stat is the parent.)
site_workers() {
    awk -v master="$site_pid" '$4 == master { print $1 }' /proc/[0-9]*/stat \
        2>/dev/null || :
}

# The most memory, in KiB, that a worker has had.
site_peak_kib() {
    for worker in $(site_workers); do
        awk '$1 == "VmHWM:" { print $2 }' "/proc/$worker/status"
    done | sort -n | tail -n 1
}
