#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh DIR - build the peers of `make bench-core` into DIR.
#
# Those whose Debian package is not there are named and left out; one that is
# there and does not build is an error. The two that need nothing but libc, and
# the load client, are always built. Libraries are linked statically, as ours
# are: no call goes through a table.

set -u
here=${0%/*}
root=$here/../../../..
out=$1
go=/usr/lib/go-1.19/bin/go
status=0
mkdir -p "$out" || exit 1

# c NAME HEADER PACKAGE [LIBRARY...]
c() {
    name=$1
    header=$2
    package=$3
    shift 3
    if [ ! -e "$header" ]; then
        rm -f "$out/$name"
        echo "not installed, so left out: $package"
        return
    fi
    # State Threads' assembly does not say that it wants no executable stack.
    ${CC:-gcc} -std=gnu11 -O2 -Wall -Wextra -I"$root" -D_GNU_SOURCE \
        -Wl,-z,noexecstack -o "$out/$name" "$here/$name.c" "$@" || status=1
}
c echo_load /dev/null libc6-dev
c echo_epoll /dev/null libc6-dev
c futex /dev/null libc6-dev -lpthread
c ucontext /dev/null libc6-dev -lm
c boost /usr/include/boost/context/detail/fcontext.hpp libboost-context-dev \
    -l:libboost_context.a -lm
c pcl /usr/include/pcl.h libpcl1-dev -l:libpcl.a
c state_threads /usr/include/st.h libst-dev -l:libst.a

rm -f "$out/go"
if [ -x $go ]; then
    GOCACHE=$(cd "$out" && pwd)/cache $go build -o "$out/go" "$here/peer.go" ||
        status=1
else
    echo 'not installed, so left out: golang-1.19-go'
fi

# Debian's python3: another one does not see Debian's modules.
for module in greenlet gevent; do
    rm -f "$out/$module"
    if /usr/bin/python3 -c "import $module" 2>/dev/null; then
        printf '#!/bin/sh\nexec /usr/bin/python3 %s %s "$@"\n' \
            "$(cd "$here" && pwd)/peer.py" $module >"$out/$module"
        chmod +x "$out/$module"
    else
        echo "not installed, so left out: python3-$module"
    fi
done
exit $status
