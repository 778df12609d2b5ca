#!/bin/sh
# Instructions per call of our cases, by callgrind: the same on a busy machine as on an idle one.
#
#   benches/instructions.sh           fails where a case takes over 5 % more than benches/instructions.txt says
#   benches/instructions.sh --bless   writes that file
#
# Two runs with different numbers of calls are subtracted, so that what is done once does not count.
set -eu

cd "$(dirname "$0")/.."
expected=benches/instructions.txt

command -v valgrind >/dev/null || { echo "valgrind is not there: install it" >&2; exit 1; }

binary() {
    cargo bench --quiet --bench "$1" --no-run --message-format=json |
        sed -n 's/.*"name":"'"$1"'".*"executable":"\([^"]*\)".*/\1/p'
}

# Instructions per call of case $2 in binary $1, from runs of $3 and of three times as many calls.
per_call() {
    executed() {
        valgrind --tool=callgrind --callgrind-out-file=/dev/null "$1" --exact "$2" --calls "$3" 2>&1 |
            sed -n 's/.*Collected : *//p'
    }
    before=$(executed "$1" "$2" "$3")
    after=$(executed "$1" "$2" "$(($3 * 3))")
    echo "$(((after - before) / ($3 * 2))) $2"
}

counted=$(mktemp)
trap 'rm -f "$counted"' EXIT
for bench in layers scale stack parse answer; do
    path=$(binary "$bench")
    [ "$bench" = parse ] && calls=20 || calls=1000
    running=0
    # What is looked up by a random hash never counts the same.
    "$path" --list | grep -v -e key -e cache | {
        while read -r case; do
            per_call "$path" "$case" "$calls" &
            running=$((running + 1))
            [ "$running" -lt "$(nproc)" ] || { wait; running=0; }
        done
        wait
    }
done | sort -k 2 >"$counted"

if [ "${1-}" = --bless ]; then
    cp "$counted" "$expected"
    exit
fi

# A case that is new, or takes over 5 % and over 2 instructions more.
awk '
    { count = $1; $1 = ""; name = substr($0, 2) }
    FNR == NR { known[name] = count; next }
    !(name in known) { print "new: " count " " name; bad = 1; next }
    count > known[name] * 1.05 + 2 { print "more: " known[name] " -> " count " " name; bad = 1 }
    count < known[name] * 0.95 - 2 { print "less: " known[name] " -> " count " " name }
    END { exit bad }
' "$expected" "$counted" || { echo "if it is meant so, run again with --bless" >&2; exit 1; }
