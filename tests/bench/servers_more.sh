# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# servers_more.sh - for servers.sh, to be read with `.`: what is no turn of wrk.
# Each of these starts the servers that it needs itself, and stops them.
#
#     idle      memory of IDLE (10000) connections that rest after one request
#     growth    CPU time of a request at RATE (10000) requests a second, from
#               one connection to 10,000
#     workers   requests a second of one worker and of two, on all CPUs, wrk
#               beside them

idle=${IDLE-10000}
rate=${RATE-10000}
growth_at='1 64 1000 10000'
growth_base=$rate
growth_more=$((2 * rate))
if [ -n "$check" ]; then
    idle=100
    growth_at='1 64'
    growth_base=500
    growth_more=500
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

# paced NAME CONNECTIONS REQUESTS: what they cost, ns, in $cost.
paced() {
    before=$(cpu_ns "$1")
    taskset -c "$other" h2load --h1 -t1 -c"$2" -n"$3" \
        --rps="$(awk "BEGIN { print $rate / $2 }")" \
        "http://$site_host:$(port "$1")/tiny" >"$tmp/h2load" 2>&1
    cost=$(($(cpu_ns "$1") - before))
    grep -q "[^0-9]$3 succeeded, 0 failed" "$tmp/h2load"
}

# To connect is no part of a request: the figure is what a longer run costs
# more than a shorter one.
growth_point() {
    if paced "$1" "$2" "$growth_base" && short=$cost &&
        paced "$1" "$2" $((growth_base + growth_more)); then
        ok
        figure growth "$1" "at$2" \
            "$(awk "BEGIN { print ($cost - $short) / $growth_more / 1000 }")" \
            "$3"
    else
        bad "$1 at $2 connections: h2load" "$tmp/h2load" "$tmp/log.$1"
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
        for many in $growth_at; do
            for name in $growing; do
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
