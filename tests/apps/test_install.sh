#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_install.sh - what `make install` leaves is all that others need.
#
# With nothing but the install, found through pkg-config: the template app,
# copied to an empty directory, is built by a ten-line Makefile and loaded by
# the installed server; an app may call an API function that the server itself
# never calls; one for another ABI is refused by name; and a program of its own
# runs a hub out of libmillrace.so, and out of the archive.

set -u
cd "${0%/*}/../.." || exit 1
. tests/site.sh
build=$(cd "${MR_BUILD-build/release}" && pwd)
mode=${MODE-release}
cc=${CC-gcc}

# The sanitizers' flags, for programs if the library has them in it. Apps are
# built without, as by anyone: ASan takes an app that comes before a built-in
# one of its name for a mistake.
case $mode in
asan) san=-fsanitize=address,undefined ;;
tsan) san=-fsanitize=thread ;;
*) san= ;;
esac

# --- the install: DESTDIR is only put before, it is in no file ---

install_to() {
    make --no-print-directory MODE="$mode" CC="$cc" OUT="$build" PREFIX="$1" \
        DESTDIR="${2-}" install >"$tmp/install" 2>&1 ||
        { bad "make install failed" "$tmp/install"; exit 1; }
}
prefix=$tmp/usr
install_to "$prefix"
install_to /opt/millrace "$tmp/stage"
if [ "$(cd "$prefix" && find . -type f | sort)" = \
    "$(cd "$tmp/stage/opt/millrace" && find . -type f | sort)" ]; then ok
else bad 'DESTDIR gives other files than PREFIX'; fi
if grep -q '^prefix=/opt/millrace$' \
    "$tmp/stage/opt/millrace/lib/pkgconfig/millrace.pc" &&
    ! grep -rqF "$tmp" "$tmp/stage/opt/millrace/lib/pkgconfig"; then ok
else bad 'millrace.pc does not say PREFIX alone'; fi
for f in bin/millrace bin/mrget lib/libmillrace.a lib/libmillrace.so \
    lib/millrace/hello.so include/millrace/app.h \
    include/millrace/core/hub.h include/millrace/io/stream.h \
    include/millrace/http/response.h share/millrace/conf/millrace.conf \
    share/millrace/millrace-gdb.py; do
    if [ -f "$prefix/$f" ]; then ok; else bad "$f is not installed"; fi
done
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"

# --- the template, in an empty directory ---

mkdir "$tmp/app"
cp apps/hello/hello.c tests/apps/apps/patient.c "$tmp/app"
sed 's/MR_APP(hello, /MR_APP(old, .abi = MR_APP_ABI + 1, /' \
    apps/hello/hello.c >"$tmp/app/old.c"
cat >"$tmp/app/Makefile" <<'END'
CFLAGS = -std=gnu11 -O2 -g -fPIC -Wall -Wextra $(SAN) \
	$(shell pkg-config --cflags millrace)

all: hello.so patient.so old.so

%.so: %.c
	$(CC) $(CFLAGS) -shared -o $@ $<

clean:
	rm -f *.so
END
# The ABI of `old` is set twice, on purpose.
if make -C "$tmp/app" CC="$cc" SAN=-Wno-override-init \
    >"$tmp/make" 2>&1; then ok
else bad 'an app does not build against the install' "$tmp/make"; exit 1; fi

# --- loaded by the installed server ---

cat >"$tmp/app/my.conf" <<END
workers = 1
listen "$site_host:8080" {}
load = "hello.so"
load = "patient.so"
route "/hello" { app = hello delay = 1ms }
route "/patient" { app = patient }
END
cat >"$tmp/ask.c" <<'END'
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ask HOST PATH [-]: GET it; with "-" leave without reading the answer. */
int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(8080)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char buf[4096];
    ssize_t n;

    inet_pton(AF_INET, argv[1], &at.sin_addr);
    if (connect(fd, (struct sockaddr *)&at, sizeof at))
        return 1;
    n = snprintf(buf, sizeof buf,
                 "GET %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
                 argv[2]);
    if (write(fd, buf, (size_t)n) != n)
        return 1;
    while (argc == 3 && (n = read(fd, buf, sizeof buf)) > 0)
        fwrite(buf, 1, (size_t)n, stdout);
    return n < 0;
}
END
"$cc" -o "$tmp/ask" "$tmp/ask.c"

MILLRACE=$prefix/bin/millrace
site_run -C "$tmp/app" -c my.conf
"$tmp/ask" "$site_host" '/hello?name=install' >"$tmp/answer" || :
if grep -q '^hello, install$' "$tmp/answer"; then ok
else bad 'the loaded hello does not answer' "$tmp/answer" "$site_log"; fi
"$tmp/ask" "$site_host" /patient - || :
if until_true log_has 'patient: the client is gone'; then ok
else bad 'an API function that only apps call does not work' "$site_log"; fi
site_stop

# refused WHY CONF WORDS...: -t says one line with all of the words, status 1.
refused() {
    why=$1
    printf '%s\n' "$2" >"$tmp/app/bad.conf"
    shift 2
    if "$MILLRACE" -C "$tmp/app" -c bad.conf -t >"$tmp/out" 2>&1; then
        bad "$why: accepted"
        return
    fi
    for words in "$@" 'bad.conf:1: '; do
        grep -qF "$words" "$tmp/out" || { bad "$why: no '$words'" "$tmp/out"
            return; }
    done
    if [ "$(wc -l <"$tmp/out")" -eq 1 ]; then ok
    else bad "$why: more than one line" "$tmp/out"; fi
}
refused 'another ABI' 'load = "old.so"' old.so ABI rebuild
refused 'no such file' 'load = "none.so"' none.so
"$cc" -shared -fPIC -o "$tmp/app/empty.so" -x c /dev/null
refused 'no app in it' 'load = "empty.so"' empty.so MR_APP

# --- programs of their own ---

cat >"$tmp/program.c" <<'END'
#include <millrace/app.h>
#include <stdio.h>

static intptr_t twice(void *arg)
{
    mr_sleep_ms(1);
    return 2 * (intptr_t)arg;
}

static intptr_t first(void *arg)
{
    struct mr_coro *co = mr_spawn(twice, arg);
    intptr_t n = -1;

    if (!co || mr_join(co, &n, MR_NEVER))
        return -1;
    return n;
}

int main(void)
{
    intptr_t rc = -1;
    int err = mr_run(first, (void *)21, &rc);

    printf("%d %d\n", err, (int)rc);
    return err != 0;
}
END
# runs HOW LIBS...: links so, and the program says what it should.
runs() {
    how=$1
    shift
    # shellcheck disable=SC2046,SC2086
    if "$cc" -std=gnu11 -Wall -Wextra -g $san -o "$tmp/program" \
        "$tmp/program.c" $(pkg-config --cflags millrace) "$@" \
        >"$tmp/out" 2>&1 &&
        LD_LIBRARY_PATH=$prefix/lib "$tmp/program" >"$tmp/out" 2>&1 &&
        [ "$(cat "$tmp/out")" = '0 42' ]; then ok
    else bad "a program that links $how" "$tmp/out"; fi
}
# shellcheck disable=SC2046
runs libmillrace.so $(pkg-config --libs millrace)
if ldd "$tmp/program" | grep -q libmillrace.so; then ok
else bad 'pkg-config --libs does not give libmillrace.so'; fi
# shellcheck disable=SC2046
runs libmillrace.a "$prefix/lib/libmillrace.a" \
    $(pkg-config --libs --static millrace | sed 's/-lmillrace//')

checks_done apps/test_install
