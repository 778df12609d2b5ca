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
few=2000
more=6000

command -v valgrind >/dev/null || { echo "valgrind is not there: nothing is checked" >&2; exit 0; }

binary() {
    cargo bench --quiet --bench "$1" --no-run --message-format=json |
        sed -n 's/.*"name":"'"$1"'".*"executable":"\([^"]*\)".*/\1/p'
}

# What a run of $3 calls of case $2 in binary $1 executes.
executed() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$1" --exact "$2" --calls "$3" 2>&1 |
        sed -n 's/.*Collected : *//p'
}

counted=$(mktemp)
trap 'rm -f "$counted"' EXIT
for bench in layers scale stack; do
    path=$(binary "$bench")
    "$path" --list | while read -r case; do
        before=$(executed "$path" "$case" "$few")
        after=$(executed "$path" "$case" "$more")
        echo "$(((after - before) / (more - few))) $case"
    done
done >"$counted"

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
