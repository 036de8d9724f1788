#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_gdb.sh - core/millrace-gdb.py on a live process, and on a core of it.

set -u
cd "${0%/*}/../.." || exit 1
MILLRACE=${MILLRACE-build/release/millrace}
. tests/site.sh
mr_build=${MR_BUILD-build/release}

cat >"$tmp/program.c" <<'END'
#include <stdio.h>
#include <unistd.h>

#include "core/generator.h"
#include "core/hub.h"
#include "core/timer.h"

__attribute__((noinline)) static int dozes_off(void)
{
    volatile int rc = mr_sleep(mr_after_s(3600));

    return rc;
}

static intptr_t sleeper(void *arg)
{
    mr_coro_set_name(mr_coro_self(), arg);
    return dozes_off();
}

static intptr_t values(struct mr_generator *g, void *arg)
{
    volatile int rc = dozes_off();

    (void)g;
    (void)arg;
    return rc;
}

static intptr_t asks(void *arg)
{
    struct mr_generator *g = arg;
    volatile int rc = mr_generator_next(g, NULL);

    return rc;
}

__attribute__((noinline)) static int busy(void)
{
    volatile unsigned rounds = 0;

    puts("up");
    fflush(stdout);
    while (rounds < 4000000000u)
        rounds = rounds + 1;
    return (int)rounds;
}

static intptr_t first(void *arg)
{
    struct mr_generator *g;

    (void)arg;
    if (mr_generator_new(&g, values, NULL, 0) || !mr_spawn(sleeper, "anna") ||
        !mr_spawn(sleeper, "bert") || !mr_spawn(asks, g))
        return 1;
    mr_yield();
    return busy();
}

int main(void)
{
    return mr_run(first, NULL, NULL);
}
END
case ${MODE-release} in
asan) san=-fsanitize=address,undefined ;;
tsan) san=-fsanitize=thread ;;
*) san= ;;
esac
# shellcheck disable=SC2086
check 'the program does not build' "${CC-gcc}" -std=gnu11 -D_GNU_SOURCE -g -O1 \
    -fno-omit-frame-pointer $san -I. -o "$tmp/program" "$tmp/program.c" \
    "$mr_build/libcore.a" -lev -lconfuse -lpthread -ldl
up() { grep -q up "$tmp/up"; }
# The program, until its coroutines are where they belong.
start() {
    : >"$tmp/up"
    (ulimit -c unlimited; cd "$tmp" && exec "$tmp/program") \
        >"$tmp/up" 2>&1 &
    site_pid=$!
    until_true up || { bad 'the program does not run' "$tmp/up"; exit 1; }
}
end() {
    kill "-$1" "$site_pid"
    wait "$site_pid" 2>/dev/null
    site_pid=
}

# look WHAT GDB-ARGUMENT...: the list, everybody's calls, and one's.
look() {
    what=$1
    shift
    gdb -nx -batch -ex 'source core/millrace-gdb.py' -ex mr-list \
        -ex 'echo === all\n' -ex 'mr-bt all' -ex 'echo === one\n' \
        -ex 'mr-bt 2' -ex 'mr-bt 99' "$@" >"$tmp/gdb" 2>&1
    sed -n '1,/^=== all/p' "$tmp/gdb" >"$tmp/list"
    sed -n '/^=== all/,/^=== one/p' "$tmp/gdb" >"$tmp/all"
    sed -n '/^=== one/,$p' "$tmp/gdb" >"$tmp/one"
    for line in "coroutine #0 'first' running" \
        "coroutine #2 'anna' parked: sleep, spawned at .*program.c:" \
        "coroutine #3 'bert' parked: sleep" \
        "coroutine #4 'asks' parked: sleep" \
        "resumed: coroutine #1 'values' parked: sleep"; do
        if grep -q "$line" "$tmp/list"; then ok
        else bad "$what: not in the list: $line" "$tmp/gdb"; fi
    done
    # Whose calls have which functions, as NAME:FUNCTION.
    awk -F"'" '/coroutine #/ { name = $2 }
        / in / { split($0, w, " in "); split(w[2], f, /[ +]/)
                 print name ":" f[1] }' "$tmp/all" >"$tmp/calls"
    for call in first:busy first:first anna:dozes_off anna:sleeper \
        bert:dozes_off asks:asks values:dozes_off values:values; do
        if grep -qx "$call" "$tmp/calls"; then ok
        else bad "$what: not among the calls: $call" "$tmp/gdb"; fi
    done
    if grep -q "dozes_off at .*program.c:" "$tmp/one" &&
        ! grep -q "'bert'" "$tmp/one"; then ok
    else bad "$what: mr-bt 2 is not anna's" "$tmp/one"; fi
    if grep -q 'no coroutine has the number 99' "$tmp/one"; then ok
    else bad "$what: mr-bt 99" "$tmp/one"; fi
}
start
look live -p "$site_pid"
check 'it goes on' kill -0 "$site_pid"
end ABRT
# By the kernel, where it writes files at all.
case $(cat /proc/sys/kernel/core_pattern) in
core*)
    for core in "$tmp"/core*; do look 'the kernel'"'"'s core' "$tmp/program" \
        "$core"; done ;;
*) echo 'cores go elsewhere here: only gdb'"'"'s own is looked at' ;;
esac

# By gdb, which leaves a mapping out if a page of it cannot be read: with guards
# that are mappings of their own.
rm -f "$tmp"/core*
export MR_STACK_GUARD=mprotect
start
gdb -nx -batch -p "$site_pid" -ex "generate-core-file $tmp/core" \
    >"$tmp/gcore" 2>&1
check 'no core was written' test -s "$tmp/core"
end KILL
look "gdb's core" "$tmp/program" "$tmp/core"
checks_done e2e/gdb
