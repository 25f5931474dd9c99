#!/usr/bin/env bash
# Plants bugs in the loop, one after the other, and shows that the simulated world notices each.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/mutants.sh [--quick] [NAME...]

Each file of tests/mutants/ is a bug: what it breaks and a piece of source with its replacement. It is planted in a copy
of the tree under target/mutants, and the simulation runs until a seed fails, 3000 at most or as many as its line
`seeds:` says. Prints a table: name, what it breaks, the seed that caught it and the property that did, or SURVIVED.
Ends with 1 if one survived, with 2 if one does not apply any more: then the source has moved on and the file must
follow.

  --quick       only those marked quick: under a minute
  SEEDS=n       another number of seeds for each
END
}

names=()
quick=
for argument in "$@"; do
    case $argument in
        -h | --help) usage; exit 0 ;;
        --quick) quick=yes ;;
        -*) usage >&2; exit 2 ;;
        *) names+=("$argument") ;;
    esac
done

cd "$(dirname "$0")/.."
mutants=$PWD/tests/mutants
seeds=1
tree=$PWD/target/mutants/tree
whole=$PWD/target/mutants/whole
export CARGO_TARGET_DIR=$PWD/target/mutants/build RUST_BACKTRACE=0 SHRINK=0

field() { sed -n "s/^$1: //p" "$mutants/$2.mutant"; }

if [[ ${#names[@]} -eq 0 ]]; then
    for file in "$mutants"/*.mutant; do
        name=$(basename "$file" .mutant)
        [[ -n $quick && -z $(field quick "$name") ]] || names+=("$name")
    done
fi

for name in "${names[@]}"; do
    [[ -f $mutants/$name.mutant ]] || { echo "mutants: there is no mutant $name" >&2; exit 2; }
done

# Two fresh copies: one to plant in, one to mend from, whatever happens to the sources meanwhile. Times are not kept:
# cargo must see that a file changed back.
copy() {
    rm -rf "$tree" "$whole"
    for place in "$tree" "$whole"; do
        mkdir -p "$place"
        cp -r Cargo.toml Cargo.lock src tests "$place"
    done
}

# Replaces one piece of one file, which must be there exactly once.
replace() {
    local file=$1 before=$2 after=$3 text
    text=$(<"$tree/$file")
    [[ $text == *"$before"* ]] || { echo "is not in $file any more"; return 1; }
    [[ ${text#*"$before"} != *"$before"* ]] || { echo "is more than once in $file"; return 1; }
    printf '%s\n' "${text/"$before"/"$after"}" >"$tree/$file"
}

# Plants a bug: each `file:` is followed by `--- before`, lines, `--- after`, lines, `--- end`.
plant() {
    local line part='' file='' before='' after=''
    touched=()
    while IFS= read -r line; do
        case $line in
            'file: '*) file=${line#file: } ;;
            '--- before') part=before before='' ;;
            '--- after') part=after after='' ;;
            '--- end')
                part=
                touched+=("$file")
                replace "$file" "${before%$'\n'}" "${after%$'\n'}" || return 1
                ;;
            *)
                case $part in
                    before) before+=$line$'\n' ;;
                    after) after+=$line$'\n' ;;
                esac
                ;;
        esac
    done <"$mutants/$1.mutant"
}

restore() {
    for file in "${touched[@]}"; do
        cp "$whole/$file" "$tree/$file"
    done
}

simulate() { (cd "$tree" && SEEDS=$seeds timeout 300 cargo test --quiet --profile planted --test simulation "$@"); }

# Whether every bug there is can still be planted, run or not: sources move on.
apply_all() {
    local file name why stale=0
    for file in "$mutants"/*.mutant; do
        name=$(basename "$file" .mutant)
        if ! why=$(plant "$name"; status=$?; printf '%s\n' "${touched[@]}" >"$tree/touched"; exit $status); then
            echo "mutants: $name $why" >&2
            stale=1
        fi
        mapfile -t touched <"$tree/touched"
        restore
    done
    return $stale
}

copy
apply_all || exit 2
simulate --no-run # so that the table is not kept waiting by what all have in common
printf '%-26s %-62s %s\n' mutant 'what it breaks' 'caught'
survived=0
stale=0
for name in "${names[@]}"; do
    plant "$name"
    seeds=$(field seeds "$name")
    seeds=${SEEDS:-${seeds:-3000}}
    if ! built=$(simulate --no-run 2>&1); then
        printf '%-26s %-62s DOES NOT BUILD\n%s\n' "$name" "$(field breaks "$name")" "$built"
        stale=1
    else
        said=$(simulate world -- --nocapture 2>&1) && code=0 || code=$?
        caught=$(sed -n 's/^seed \([0-9]*\): /at seed \1: /p' <<<"$said" | head -n 1 | cut -c 1-110)
        [[ $code -ne 124 ]] || caught='a turn without end'
        if [[ $code -eq 0 || -z $caught ]]; then
            caught="SURVIVED $seeds seeds"
            survived=1
        fi
        printf '%-26s %-62s %s\n' "$name" "$(field breaks "$name")" "$caught"
    fi
    restore
done
[[ $stale -eq 0 ]] || exit 2
exit "$survived"
