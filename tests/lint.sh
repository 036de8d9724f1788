#!/bin/sh
# SPDX-License-Identifier: MIT
#
# lint.sh - what a compiler does not check: layers, doors, headers that stand
# alone, banned functions, budgets, layout. Prints file:line and why; changes
# nothing; the exit status is 1 if there was anything to print.

cd "$(dirname "$0")/.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
: >"$tmp/found"

files=$(find core io http apps tests -name '*.[ch]' | sort)
lib=$(echo "$files" | grep -E '^(core|io|http)/')
texts="$files $(find . -path ./build -prune -o -path ./.git -prune -o \( \
    -name '*.sh' -o -name '*.S' -o -name '*.md' -o -name '*.conf' \
    -o -name Makefile \) -print | sort)"

# The code as file:line:text, without comments and without what strings hold;
# an include keeps its name. What is left of // is a comment of that sort.
# shellcheck disable=SC2086
awk '
FNR == 1 { inside = 0 }
{
    line = $0
    out = ""
    while (line != "") {
        if (inside) {
            at = index(line, "*/")
            inside = !at
            line = at ? substr(line, at + 2) : ""
        } else if (line ~ /^[ \t]*#[ \t]*include/) {
            out = out line
            line = ""
        } else if (substr(line, 1, 2) == "/*") {
            inside = 1
            line = substr(line, 3)
        } else if (match(line, /^"([^"\\]|\\.)*"/)) {
            out = out "\"\""
            line = substr(line, RLENGTH + 1)
        } else if (match(line, /^\047([^\047\\]|\\.)+\047/)) {
            out = out "0"
            line = substr(line, RLENGTH + 1)
        } else {
            out = out substr(line, 1, 1)
            line = substr(line, 2)
        }
    }
    print FILENAME ":" FNR ":" out
}' $files >"$tmp/code"

# bad WHY: each line of the input is a find.
bad() { awk -v why="$1" '{ print $0 "    <- " why }' >>"$tmp/found"; }
# only IN PATTERN EXCEPT WHY: the code of files matching IN may hold PATTERN
# only in files matching EXCEPT.
only() {
    grep -E "^($1)[^:]*:[0-9]+:.*$2" "$tmp/code" | grep -vE "^($3):" | bad "$4"
}
call() { echo "(^|[^A-Za-z0-9_>.])($1)\("; }

up='#[ ]*include "'
only 'core/' "$up(io|http|apps|tests)/" '-' 'core knows nothing above it'
only 'io/' "$up(http|apps|tests)/" '-' 'io knows nothing above it'
only 'http/' "$up(apps|tests)/" '-' 'http knows nothing above it'
only 'apps/' "${up}tests/" '-' 'nothing includes tests'
only 'io/|http/|apps/' "${up}core/[a-z_]*_priv" '-' 'private to core'
only 'core/|http/|apps/' "${up}io/[a-z_]*_priv" '-' 'private to io'
only 'core/|io/|apps/' "${up}http/[a-z_]*_priv" '-' 'private to http'

all='core/|io/|http/|apps/'
door() { only "$all" "#[ ]*include <($1)" "$2" "door: $2"; }
door 'ev\.h' 'core/hub[a-z_]*\.[ch]'
door 'pthread\.h' 'core/(thread|thread_priv|mailbox|offload|watchdog_thread)\.[ch]|io/patch\.c'
door 'confuse\.h' 'core/config\.c'
door 'openssl/' 'io/(tls[a-z_]*|digest)\.[ch]'
door 'netdb\.h' 'io/(dns|patch)\.c'
door 'http_parser\.h' 'http/parse\.c'
door '(elf|link)\.h' 'core/symbol\.c'
door 'dlfcn\.h' 'http/app\.c|io/patch\.c'
door 'zlib\.h' 'http/(coding|decoder)_zlib\.c'
door 'brotli/' 'http/(coding|decoder)_brotli\.c'
door 'zstd' 'http/(coding|decoder)_zstd\.c'
door 'libpsl\.h' 'http/cookie_jar\.c'
door 'idn2\.h' 'http/idn\.c'
door 'wslay/' 'http/websocket\.c'
door 'crypt\.h' 'http/auth\.c'
door 'linux/(seccomp|landlock)\.h' 'core/sandbox\.c'
only 'core/|io/|http/|apps/|tests/' 'include <CUnit/' 'tests/test\.[ch]' \
    'door: tests/test.c'
only "$all" '\b(__asm__|asm) ' 'core/switch\.[ch]' 'assembly: core/switch'
only "$all" '\berrno\b[^.]|\berrno$' 'core/sys[a-z_]*\.[ch]|io/patch\.c' \
    'errno: core/sys.h'
only "$all" "$(call 'fork|waitpid|wait4?|exec[lv][a-z]*')|mr_sys_(fork|waitpid)\(" \
    'core/(sys[a-z_]*\.[ch]|process\.c)|io/patch\.c' 'door: core/process.c'
only 'core/|io/|http/' \
    "$(call 'read|write|recv|send|close|open|accept4?|socket|poll|mmap|munmap')" \
    'core/sys[a-z_]*\.c|io/patch\.c' 'a system call: core/sys.h'
only 'core/|io/|http/' "$(call 'malloc|calloc|realloc|strn?dup|free')" \
    'core/sys\.c|io/patch\.c' 'memory: mr_alloc, mr_free'
only '' "$(call 'strcpy|strcat|v?sprintf|strtok|gmtime|localtime|atoi|alloca')" \
    '-' 'banned'
only '' '//' '-' 'comments are /* */'

# shellcheck disable=SC2086
grep -nE '\b(TODO|FIXME|XXX)\b' $files /dev/null | bad 'needs an issue number'
# shellcheck disable=SC2086
grep -nE '[[:space:]]$' $texts /dev/null 2>/dev/null | bad 'trailing space'
for f in $files; do
    most=$(case $f in *.h) echo 150 ;; *) echo 500 ;; esac)
    n=$(wc -l <"$f")
    head -n 1 "$f" | grep -q 'SPDX-License-Identifier: MIT' ||
        echo "$f:1:" | bad 'no SPDX line'
    [ "$n" -le "$most" ] || grep -q 'over budget:' "$f" ||
        echo "$f:$n:" | bad "over $most lines without \"over budget:\""
done

for h in $(echo "$files" | grep '\.h$'); do
    echo "#include \"$h\"" | ${CC:-gcc} -std=gnu11 -I. -D_GNU_SOURCE -Wall \
        -Wextra -Werror -fsyntax-only -x c - >"$tmp/out" 2>&1 ||
        { head -n 3 "$tmp/out" | bad "$h does not compile alone"; }
done

format=$(command -v clang-format-14 || command -v clang-format)
if [ -n "$format" ]; then
    # shellcheck disable=SC2086
    "$format" --dry-run $files 2>&1 | grep -E '^[^ ].*warning' |
        awk -F: '!seen[$1]++ { print $1 ":" $2 ":" }' | bad 'clang-format -i it'
else
    echo 'lint: no clang-format, layout is not checked:' \
        'apt-get install clang-format-14' >&2
fi

cat "$tmp/found"
[ -s "$tmp/found" ] && exit 1
echo "lint: $(echo "$files" | wc -l) files, $(echo "$lib" | wc -l) of the library: clean"
