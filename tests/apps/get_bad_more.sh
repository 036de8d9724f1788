# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# get_bad_more.sh - what test_get_bad.sh shows besides its table: names, several
# files at once, runs that go on where another stopped.

# names VALUE WANT: of Content-Disposition, percent-encoded; the file's name, in
# the box and nowhere else. WANT "-": any, but inside.
names() {
    rm -rf "$tmp/around"
    mkdir "$tmp/around"
    touch "$tmp/around/beside"
    box=$tmp/around/box
    get "$bad_url/given?size=99&field=Content-Disposition:%20$1"
    box=$tmp/box
    check "a name: $1" [ $got_status = 0 ]
    check "a name leads out: $1" \
        [ "$(ls -A "$tmp/around")" = "$(printf 'beside\nbox')" ]
    (cd "$tmp/around/box" && find . -mindepth 1) >"$tmp/found"
    check "a name: $1: $(cat "$tmp/found")" \
        [ "$(find "$tmp/around/box" -mindepth 1 | wc -l)" = 1 ]
    [ "$2" = - ] || check "a name: $1: $(cat "$tmp/found")" \
        [ -f "$tmp/around/box/$2" ]
}
names 'attachment;%20filename=%22plain.txt%22' plain.txt
names 'attachment;%20filename=%22../../evil%22' -
names 'attachment;%20filename=%22/etc/evil%22' -
names 'attachment;%20filename=%22..%22' -
names 'attachment;%20filename=%22.%22' -
names 'attachment;%20filename=%22%22' -
names 'attachment;%20filename=%22..%5C..%5Cevil%22' -
names 'attachment;%20filename=%22.bashrc%22' -
names 'attachment;%20filename=%22-rf%22' -
names "attachment;%20filename*=UTF-8''..%252F..%252Fevil" -
names "attachment;%20filename*=UTF-8''a%2500b" -
names "attachment;%20filename=%22$(printf %4000s x | tr ' ' x)%22" -

# A connection that ends between two files.
for end in close say reset drop; do
    rm -rf "$box"
    get -j 1 "$bad_url/a$end?size=9K&then=$end" \
        "$bad_url/b$end?size=9K&then=$end" "$bad_url/c$end?size=9K"
    check "three on one connection, $end: $got_status" [ $got_status = 0 ]
    for f in a b c; do check "$f, $end" is_file $f$end 9K; done
done

# One that fails does not keep the others back.
rm -rf "$box"
get "$bad_url/one?size=3M" "$bad_url/two?status=404" "$bad_url/three?size=3M" \
    "$bad_url/four?at=0&do=cut"
check "some of four: status $got_status" [ $got_status = 4 ]
check 'the first of four' is_file one 3M
check 'the third of four' is_file three 3M
check 'no other of four' [ "$(cd "$box" && echo ./*)" = './one ./three' ]

# The same name twice, and one that is there: never overwritten.
rm -rf "$box"
get "$bad_url/x/same?size=9K" "$bad_url/y/same?size=9K&seed=2"
check "the same name twice: status $got_status" [ $got_status = 3 ]
check 'the same name twice: not named' grep -q same "$tmp/said"
either() { is_file same 9K || is_file same 9K 2; }
check 'the same name twice: a mixture' either
rm -rf "$box"
mkdir "$box"
echo mine >"$box/name"
get "$bad_url/name?size=9K"
check "it is there: status $got_status" [ $got_status = 3 ]
check 'it is there: overwritten' [ "$(cat "$box/name")" = mine ]
get --overwrite "$bad_url/name?size=9K"
check 'told to overwrite' is_file name 9K

# A directory that is none, or cannot be written to.
get -d "$tmp/none" "$bad_url/name?size=9K"
check "no such directory: status $got_status" [ $got_status = 3 ]
get -d /proc "$bad_url/name?size=9K"
check "a directory that takes no file: status $got_status" [ $got_status = 3 ]

# Another URL of the same name, length and date is another file.
rm -rf "$box"
get --retry 0 -o mix "$bad_url/m1?size=3M&etag=none&modified=1&at=2M&do=cut"
check 'two of one date: nothing is kept' [ -s "$box/mix.part" ]
get -c -o mix "$bad_url/m2?size=3M&etag=none&modified=1&seed=2"
check "two of one date: status $got_status" [ $got_status = 0 ]
check 'two of one date: a mixture' is_file mix 3M 2

# The same name twice is refused with -c, too; and one that is mrget's own.
rm -rf "$box"
get -c -j 1 "$bad_url/x/same?size=9K" "$bad_url/y/same?size=9K&seed=2"
check "the same name twice, -c: status $got_status" [ $got_status = 3 ]
check 'the same name twice, -c: the first' is_file same 9K
get -o a.part "$bad_url/p?size=9K"
check "a name of ours: status $got_status" [ $got_status = 2 ]

# What a run leaves, the next one with -c goes on with.
stat_of() {
    "$mrget" -q -o - "$bad_url/stat" |
        sed -n "s|^path /$1 .* $2 \([0-9]*\) .*|\1|p"
}
# came_once NAME: of its 3 MiB less than one was sent twice.
came_once() {
    check "bytes of $1 that came twice" [ "$(stat_of "$1" bytes)" -lt 4194304 ]
}
rm -rf "$box"
get --retry 0 "$bad_url/later?size=3M&at=2M&do=cut&times=1"
check "cut for good: status $got_status" [ $got_status = 4 ]
check 'cut for good: a file' [ ! -e "$box/later" ]
check 'cut for good: nothing is kept' [ -s "$box/later.part" ]
get -c "$bad_url/later?size=3M&at=2M&do=cut&times=1"
check "gone on with: status $got_status" [ $got_status = 0 ]
check 'gone on with' is_file later 3M
came_once later
rm -rf "$box"
get --retry 0 "$bad_url/new?size=3M&at=2M&do=cut&times=1&changes=1"
get -c "$bad_url/new?size=3M&at=2M&do=cut&times=1&changes=1"
check 'gone on with, of a new file' is_file new 3M 2

# Ctrl-C: what came is kept and said so, and the next run goes on with it.
stopped="$bad_url/stopped?size=3M&piece=64K&every=40ms"
rm -rf "$box"
mkdir "$box"
(cd "$box" && HOME=$tmp exec "$mrget" "$stopped") >"$tmp/said" 2>&1 </dev/null &
pid=$!
half_came() { [ "$(stat_of stopped bytes)" -gt 1500000 ]; }
check 'nothing comes' until_true half_came
kill -INT $pid
wait $pid
got_status=$?
check "interrupted: status $got_status" [ $got_status = 130 ]
check 'interrupted: how to go on is not said' grep -q -e '-c' "$tmp/said"
check 'interrupted: it has its name' [ ! -e "$box/stopped" ]
check 'interrupted: nothing is kept' [ -s "$box/stopped.part" ]
get -c "$stopped"
check "after an interruption: status $got_status" [ $got_status = 0 ]
check 'after an interruption' is_file stopped 3M
came_once stopped

# A kill that nothing can be done about: the journal that is there is gone on
# with. It comes after a second, of nearly three.
dead="$bad_url/dead?size=3M&piece=64K&every=60ms"
rm -rf "$box"
mkdir "$box"
(cd "$box" && HOME=$tmp exec "$mrget" -x 1 "$dead") >"$tmp/said" 2>&1 </dev/null &
pid=$!
check 'killed: no journal' until_true [ -s "$box/dead.part.journal" ]
kill -9 $pid
wait $pid 2>/dev/null
got_status=$?
check "killed: status $got_status" [ $got_status = 137 ]
check 'killed: it has its name' [ ! -e "$box/dead" ]
get -c "$dead"
check "after a kill: status $got_status" [ $got_status = 0 ]
check 'after a kill' is_file dead 3M
check "after a kill: $(stat_of dead bytes) bytes, all of it twice" \
    [ "$(stat_of dead bytes)" -lt 5242880 ]
