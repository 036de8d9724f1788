#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_browser.sh - Chromium, headless, on the shipped configuration: the index
# page, every page it links to, and a listing. Screenshots and documents are
# left in build/e2e/.

set -u
. "${0%/*}/../site.sh"
cd "${0%/*}/../.." || exit 1
out=build/e2e
mkdir -p $out

# Each time with a profile of its own: nothing comes out of a cache.
browse() {
    rm -rf "$tmp/profile"
    timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic \
        --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --disable-dev-shm-usage \
        --hide-scrollbars --window-size=1000,1200 \
        --user-data-dir="$tmp/profile" "$@" 2>"$tmp/chromium"
}

# page NAME PATH WORDS...: the document as the browser has it holds the words.
page() {
    name=$1
    path=$2
    shift 2
    browse --dump-dom "$site_url$path" >"$out/$name.html" ||
        { bad "chromium $path" "$tmp/chromium"; return; }
    for words in "$@"; do
        check "$path: no '$words'" grep -qF "$words" "$out/$name.html"
    done
    rm -f "$out/$name.png"
    browse --screenshot="$PWD/$out/$name.png" "$site_url$path" >/dev/null
    check "$path: no screenshot" test -s "$out/$name.png"
}

# status PATH WANT
status() {
    got=$(curl -sS -o /dev/null -w '%{http_code}' "$site_url$1")
    if [ "$got" = "$2" ]; then ok; else bad "$1: $got, not $2"; fi
}

# The shipped configuration, on an address that is free.
site_run -c conf/millrace.conf --listen "$site_host:8080"
page index / '<title>Millrace</title>' 'href="/samples/'
page listing /samples/ poem.txt letters/ 'href="'

# Every link of the index leads where it says.
grep -o '\(href\|src\)="/[^"]*"' $out/index.html | sed 's/.*="//; s/"$//' |
    sort -u >"$tmp/links"
check 'the index page links to little' [ "$(wc -l <"$tmp/links")" -gt 5 ]
while read -r link; do
    case $link in
    */nothing-here) status "$link" 404 ;;
    /samples) status "$link" 301 ;;
    *) status "$link" 200 ;;
    esac
done <"$tmp/links"
site_stop

# Names that are hard on HTML and on URLs.
mkdir "$tmp/www" "$tmp/www/a dir"
for name in 'plain.txt' 'two words.txt' '<b>&amp;"q".txt' 'per%20cent.txt' \
    'hash#question?.txt' 'grün.txt'; do
    echo "$name" >"$tmp/www/$name"
done
site_start 'route "/" { app = files root = "@DIR@/www" listing = on }'
page names / plain.txt 'two words.txt' 'per%20cent.txt' 'grün.txt' 'a dir/'
check 'a name became markup' grep -qF '&lt;b&gt;' $out/names.html
# Each link gives the file whose name it shows: its content is that name.
sed -n 's/.*href="\([^"]*\.txt\)".*/\1/p' $out/names.html |
    sed 's/&amp;/\&/g; s/&quot;/"/g' >"$tmp/links"
check 'not six links' [ "$(wc -l <"$tmp/links")" -eq 6 ]
while read -r link; do
    curl -fsS "$site_url/${link#./}"
done <"$tmp/links" | sort >"$tmp/contents"
(cd "$tmp/www" && ls -d -- *.txt) | sort >"$tmp/names"
check 'the links lead to other files' cmp "$tmp/contents" "$tmp/names"
site_stop
checks_done e2e/browser
