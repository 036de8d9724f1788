# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# servers_more.sh - for servers.sh, to be read with `.`: what is no turn of wrk.
# Each of these starts the servers that it needs itself, and stops them.
#
#     idle      memory of IDLE (10000) connections that rest after one request
#     growth    CPU time of a request at RATE (10000) requests a second, from
#               one connection to 10,000, once all of them are there
#     workers   requests a second of one worker and of two, on all CPUs, wrk
#               beside them

idle=${IDLE-10000}
rate=${RATE-10000}
growth_at='1 1000 64 10000' # the last two are compared: one after the other
growth_time=2
if [ -n "$check" ]; then
    idle=100
    growth_at='1 64'
    growth_time=0.3
fi

# --- idle ---

held_or_dead() { [ -s "$tmp/held" ] || ! kill -0 "$1" 2>/dev/null; }

# idle NAME: its memory with the connections above that with none.
idle_of() {
    start "$1" || return 0
    before=$(pss_kib "$1")
    rm -f "$tmp/hold" "$tmp/held"
    mkfifo "$tmp/hold"
    : >"$tmp/held"
    "$bin/hold" "$site_host" "$(port "$1")" "$idle" <"$tmp/hold" \
        >"$tmp/held" 2>"$tmp/said" &
    holder=$!
    exec 8>"$tmp/hold"
    until_true held_or_dead $holder
    if [ -s "$tmp/held" ]; then
        ok
        figure idle "$1" bytes $((($(pss_kib "$1") - before) * 1024 / idle))
    else
        bad "$1 does not hold $idle connections" "$tmp/said" "$tmp/log.$1"
    fi
    exec 8>&-
    wait $holder
    stop_servers
}

# haproxy takes two descriptors a connection, more than there may be.
idle_run() {
    figure idle '' connections "$idle"
    for name in $servers; do
        case $name in bare_* | haproxy) continue ;; esac
        say "idle, $name"
        idle_of "$name"
    done
}

# --- growth ---

# What is open in a server's processes.
open_files() {
    while read -r pid; do ls "/proc/$pid/fd"; done <"$tmp/pids.$1" \
        2>/dev/null | wc -l
}

# NAME has CONNECTIONS more than at first; h2load has had N answers, a line each.
holds() { [ $(($(open_files "$1") - files)) -ge "$2" ]; }
holds_or_dead() { holds "$1" "$2" || ! kill -0 $pacer 2>/dev/null; }
answered() { wc -l <"$tmp/paced"; }
answered_or_dead() {
    [ "$(answered)" -ge "$1" ] || ! kill -0 $pacer 2>/dev/null
}
left() { [ "$(open_files "$1")" -le "$files" ]; }

# now NAME: requests answered, CPU time in ns, and the time in ns.
now() { echo "$(answered) $(cpu_ns "$1") $(date +%s%N)"; }

# steady NAME CONNECTIONS: us of CPU time for a request, and requests a second,
# in $tmp/steady.
#
# To connect is no part of a request, nor is what the first one of a connection
# finds cold: so the time begins when the server has accepted all, and has
# answered as many requests again. Nothing looks at the server or the log while
# it lasts. Requests are counted, and not taken to be rate times time: a server
# that falls behind would look cheap. Peers have no counter; h2load's log is the
# same for all.
#
# Connections are opened 64 at a time, at the rate of the requests, and each asks
# again when its time has come: so the requests of 10,000 come in the batches
# that those of 64 are. Opened all at once they would come all at once, a tenth
# of a second's work and then a rest, and it would be batches that are compared.
steady() {
    files=$(open_files "$1")
    : >"$tmp/paced"
    taskset -c "$other" h2load --h1 -t1 -c"$2" -n$((rate * 60)) \
        -r$(($2 < 64 ? $2 : 64)) --rate-period=$((64000 / rate))ms \
        --rps="$(awk "BEGIN { print $rate / $2 }")" --log-file="$tmp/paced" \
        "http://$site_host:$(port "$1")/tiny" >"$tmp/h2load" 2>&1 &
    pacer=$!
    until_true holds_or_dead "$1" "$2"
    until_true answered_or_dead $(($(answered) + $2))
    from=$(now "$1")
    sleep "$growth_time"
    to=$(now "$1")
    held=1
    kill -0 $pacer 2>/dev/null && holds "$1" "$2" && held=0
    kill $pacer 2>/dev/null
    wait $pacer 2>/dev/null
    until_true left "$1"
    # The last line may be cut: only those are read that were counted.
    [ $held -eq 0 ] && head -n "${to%% *}" "$tmp/paced" |
        awk -F '\t' -v from="$from" -v to="$to" '
            $2 != 200 { wrong++ }
            END {
                split(from, a, " ")
                split(to, b, " ")
                if (wrong || b[1] <= a[1]) exit 1
                print (b[2] - a[2]) / (b[1] - a[1]) / 1000,
                    (b[1] - a[1]) * 1e9 / (b[3] - a[3])
            }' >"$tmp/steady"
}

# A server that does not keep the rate has more to do at once than others. One
# connection cannot carry it: it asks when it was answered.
growth_point() {
    if ! steady "$1" "$2"; then
        bad "$1 at $2 connections: h2load" "$tmp/h2load" "$tmp/log.$1"
        return
    fi
    read -r cost kept <"$tmp/steady"
    if [ -n "$check" ] || [ "$2" -eq 1 ] ||
        [ "${kept%.*}" -ge $((rate * 95 / 100)) ]; then
        ok
        figure growth "$1" "at$2" "$cost" "$3"
    else
        bad "$1 at $2 connections: $kept requests a second, not $rate"
    fi
}

growth_run() {
    command -v h2load >/dev/null || {
        echo 'not installed, so left out: growth (nghttp2-client)' \
            >>"$tmp/peers"
        return
    }
    growing=
    for name in bare_epoll millrace nginx h2o; do
        case " $servers " in *" $name "*) ;; *) continue ;; esac
        if start "$name"; then growing="$growing $name"; fi
    done
    turn_of=1
    while [ $turn_of -le "$rounds" ]; do
        for name in $growing; do
            for many in $growth_at; do
                say "growth, round $turn_of, $many, $name"
                growth_point "$name" "$many" $turn_of
            done
        done
        turn_of=$((turn_of + 1))
    done
    stop_servers
}

# --- workers ---

workers_run() {
    kept="$cpu $other"
    other=$cpus
    turn_of=1
    while [ $turn_of -le "$rounds" ]; do
        for name in millrace nginx; do
            case " $servers " in *" $name "*) ;; *) continue ;; esac
            for workers in 1 2; do
                say "workers, round $turn_of, $name, $workers"
                cpu=$cpus
                start "$name" || continue
                if load tiny "$name" "$duration"; then
                    ok
                    figure workers "$name" "rate$workers" "$(awk \
                        '/^figures/ { print $2 / $3 }' "$tmp/wrk")" $turn_of
                else
                    bad "$name, $workers workers: wrk" "$tmp/wrk"
                fi
                stop_servers
            done
        done
        turn_of=$((turn_of + 1))
    done
    workers=1
    cpu=${kept% *}
    other=${kept#* }
}
