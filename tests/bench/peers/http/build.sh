#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh DIR - build the peers of `make bench` into DIR.
#
# The bare loops and the holder of connections need nothing but libc, and are
# always built. What needs a Debian package that is not there is named and left
# out; what is there and does not build is an error.

set -u
here=${0%/*}
root=$here/../../../..
out=$1
go=/usr/lib/go-1.19/bin/go
status=0
mkdir -p "$out" || exit 1
out=$(cd "$out" && pwd)

for name in bare_epoll bare_uring hold; do
    ${CC:-gcc} -std=gnu11 -O2 -Wall -Wextra -I"$root" -D_GNU_SOURCE \
        -o "$out/$name" "$here/$name.c" || status=1
done

# go_build NAME FILE-OF-THE-PACKAGE PACKAGE
go_build() {
    if [ ! -x $go ] || [ ! -e "$2" ]; then
        rm -f "$out/$1"
        echo "not installed, so left out: $3"
    else
        GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$out/cache \
            $go build -o "$out/$1" "$here/$1.go" || status=1
    fi
}
go_build nethttp $go golang-1.19-go
go_build fasthttp /usr/share/gocode/src/github.com/valyala/fasthttp \
    golang-github-valyala-fasthttp-dev
exit $status
