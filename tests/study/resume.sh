#!/bin/bash
# A run of training that is broken and gone on with, against one that is not: results, snapshot and
# log are the same, byte for byte, wherever it was broken and however often.
# usage: resume.sh TRAIN   (the program)
set -u
export LC_ALL=C
program=$(realpath "${1:?usage: resume.sh TRAIN}") name=train
source "$(dirname "$0")/../cli/common.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

data=(--data synthetic --samples 300 --validation 50 --test 60 --jobs 1 --quiet)
one=(--width 24 --batch 20 --epochs 120 --points 20 --batch-norm on --keep 0.8
    --rule momentum --policy step:gamma=0.5,step=500)
two=(--width 24 --batch 7 --updates 1201 --points 9 --initializer lsuv --activation tanh --keep 0.9
    --rule adam --rate 0.003 --policy multistep:gamma=0.3,steps=100/833 --l2 0.01 --clip 0.5
    --transform whiten --components 30)
three=(--width 24 --batch 300 --updates 1000 --points 50 --batch-norm on --rule nesterov
    --policy poly:power=2 --weights first.h5 --top new --lower-rate 0.1 --classes 2-6)

now() { date +%s%N; }

whole() { # whole OPTION...: the unbroken run, and the milliseconds it took in `took`
    local begun
    begun=$(now)
    succeeds "${data[@]}" "$@" --output whole.h5 --log whole.log --snapshot whole.snapshot
    took=$((($(now) - begun) / 1000000))
}

# One part of a run, broken by a signal after so many milliseconds, if it is not done by then. Without
# --foreground, timeout kills itself along with the program, and does not wait until that has gone.
part() { # part SIGNAL MILLISECONDS OPTION...
    local signal=$1 seconds
    seconds=$(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))
    shift 2
    timeout --foreground --preserve-status --signal="$signal" --kill-after=20 "$seconds" \
        "$program" "$@" >out 2>err </dev/null
}

same() { # same TITLE
    check "$1: the results" cmp whole.h5 part.h5
    check "$1: the last snapshot" cmp whole.snapshot part.snapshot
    check "$1: the log" cmp whole.log part.log
    check "$1: the command" cmp <(command_of whole.h5) <(command_of part.h5)
}

command_of() { grep -ao 'train --depth=[ -~]*' "$1"; }

# Broken after the shares of the whole time, gone on with each time, and to the end.
broken=0
breaks() { # breaks SIGNAL SHARE... -- OPTION...
    local signal=$1 title shares=() found parts=0
    shift
    while [ "$1" != -- ]; do
        shares+=("$1")
        shift
    done
    shift
    title="SIG$signal at ${shares[*]} % of $took ms"
    local options=("$@")
    local rest=(--output part.h5 --log part.log --snapshot part.snapshot)
    [ "$signal" != KILL ] || rest+=(--snapshot-every 13)
    rm -f part.*
    for share in "${shares[@]}" 1000000; do
        if [ -e part.snapshot ]; then
            part "$signal" $((took * share / 100 + 1)) --quiet --jobs 1 --resume part.snapshot \
                "${rest[@]}" 2>/dev/null # where the shell says "Killed"
        else
            part "$signal" $((took * share / 100 + 1)) "${data[@]}" "${options[@]}" \
                "${rest[@]}" 2>/dev/null
        fi
        found=$?
        case $found in
        0) break ;;
        130) failed_well "$title" $found 130 'interrupted' ;;
        137) ;;
        *) verdict "$title" " exit $found" ;;
        esac
        [ ! -e part.snapshot ] || parts=$((parts + 1))
    done
    broken=$((broken + (parts > 0)))
    printf '%s: %d parts\n' "$title" $((parts + 1))
    same "$title"
}

# ---- broken anywhere

whole "${one[@]}"
cp whole.snapshot first.h5
for share in 20 35 50 65 80 95; do
    breaks INT $share -- "${one[@]}"
done
breaks TERM 40 -- "${one[@]}"
breaks INT 30 40 30 -- "${one[@]}"
breaks KILL 40 40 30 50 -- "${one[@]}"
breaks KILL 70 -- "${one[@]}"
for options in two three; do
    declare -n run_of=$options
    whole "${run_of[@]}"
    breaks INT 40 30 -- "${run_of[@]}"
    breaks KILL 60 50 -- "${run_of[@]}"
done
echo "$broken of 14 runs were broken with a snapshot to go on from"
check 'a quarter of the runs were broken' test $broken -ge 4

# ---- broken at one certain update: the evaluation that the reader of the log waits for

whole "${one[@]}"
for line in 1 2 11 20; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do # one that is done before its signal comes is no attempt
        rm -f part.* pipe.log
        mkfifo pipe.log
        "$program" "${data[@]}" "${one[@]}" --output part.h5 --log pipe.log \
            --snapshot part.snapshot >out 2>err </dev/null &
        child=$!
        {
            for ((k = 0; k < line; k++)); do read -r _; done
            kill -INT $child
            cat >/dev/null
        } <pipe.log
        wait $child
        found=$?
        [ $found -eq 0 ] || break
    done
    failed_well "SIGINT at line $line of the log" $found 130 \
        'go on with: train --resume part.snapshot --output part.h5 --log pipe.log$'
    rm pipe.log
    succeeds --quiet --resume part.snapshot --output part.h5 --log part.log
    same "SIGINT at line $line of the log"
done

# ---- gone on with at the very end, and from snapshots along the way

cp whole.snapshot part.snapshot
succeeds --quiet --resume part.snapshot --output part.h5 --log part.log
same 'gone on with at the very end'
succeeds "${data[@]}" "${one[@]}" --snapshot part.snapshot --snapshot-every 100 --output part.h5 \
    --log part.log
same '--snapshot-every changes nothing'
cp whole.snapshot kept.snapshot
cp whole.snapshot other.snapshot
succeeds --quiet --resume kept.snapshot --snapshot other.snapshot --output part.h5
check '--resume leaves its file alone when --snapshot names another' cmp whole.snapshot kept.snapshot

# ---- refusals

refuses 64 '--depth=3 contradicts .*part.snapshot.* begun with --depth=2; leave it out' \
    --resume part.snapshot --depth 3 --output made.h5
refuses 64 '--seed=2 contradicts .*begun with --seed=1' --resume part.snapshot --seed 2 --output made.h5
refuses 64 '--clock contradicts .*begun with none' --resume part.snapshot --clock --output made.h5
refuses 64 '--weights=first.h5 contradicts .*begun with none' --resume part.snapshot \
    --weights first.h5 --output made.h5
refuses 64 '--data=auto contradicts .*begun with --data=synthetic' --resume part.snapshot --data auto \
    --output made.h5
check 'a refusal leaves the snapshot' cmp whole.snapshot part.snapshot
succeeds --quiet --resume part.snapshot --depth 2 --seed 1 --keep 0.8 --output part.h5
check 'options that agree are no contradiction' cmp whole.h5 part.h5
refuses 65 'dataset.*snapshot' --resume whole.h5 --output made.h5
refuses 74 'No such file' --resume missing --output made.h5
for bytes in 0 100 4000 40000; do
    head -c $bytes whole.snapshot >cut.snapshot
    refuses 65 'cut.snapshot' --resume cut.snapshot --output made.h5
    refuses 65 'cut.snapshot' "${data[@]}" --weights cut.snapshot --output made.h5
done
cp whole.log kept.log
refuses 65 'cut.snapshot' --resume cut.snapshot --output made.h5 --log kept.log
check 'a refusal keeps the log' cmp whole.log kept.log

# ---- no room: the snapshot before stays, and it is said

size=$(($(stat -c %s whole.snapshot) / 1024 / 2))
cp whole.snapshot kept.snapshot
(ulimit -f $size && "$program" "${data[@]}" "${one[@]}" --snapshot kept.snapshot --snapshot-every 10 \
    --output made.h5 >out 2>err </dev/null)
failed_well 'no room for a snapshot' $? 74 'kept.snapshot'
check 'no room keeps the snapshot before' cmp whole.snapshot kept.snapshot
check 'no room leaves no temporary file' test ! -e kept.snapshot.tmp
(ulimit -f $size && "$program" --quiet --resume kept.snapshot --output made.h5 >out 2>err </dev/null)
failed_well 'no room for the last snapshot' $? 74 'kept.snapshot'
check 'no room for the last keeps the snapshot before' cmp whole.snapshot kept.snapshot
rm -f made*
refuses 74 'no/such' "${data[@]}" --snapshot no/such/file --output made.h5
refuses 74 'folder' "${data[@]}" --snapshot . --output made.h5

# ---- a run whose loss is no longer finite has nothing to go on with

succeeds "${data[@]}" "${one[@]}" --rate 1e25 --batch-norm off --snapshot diverged.snapshot \
    --output diverged.h5
check 'a loss that is not finite gives no snapshot' test ! -e diverged.snapshot
check 'but results' test -s diverged.h5
report
