#!/bin/bash
# What MNIST is to show: a small net that gets 98 % of the test digits right, and a deep one that
# the first weights decide of. Prints accuracies and times; only the accuracies are tested.
# usage: mnist.sh TRAIN [FOLDER]   (the program, and where MNIST's four files are; data)
# Exits with 77, skipped, where they are not.
set -u
export LC_ALL=C OPENBLAS_NUM_THREADS=1
program=$(realpath "${1:?usage: mnist.sh TRAIN [FOLDER]}")
data=$(realpath -m "${2:-data}")
if [ ! -e "$data/train-images-idx3-ubyte" ]; then
    echo "skipped: there is no MNIST in $data; make mnist brings it"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

train() { # train LOWEST HIGHEST OPTION...: test accuracy in per cent, between the two
    local lowest=$1 highest=$2 begun accuracy
    shift 2
    begun=$(date +%s%N)
    accuracy=$("$program" --data "$data" --jobs 1 --points 2 --csv --output mnist.h5 "$@" 2>err |
        awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) if ($k == "test_accuracy") at = k }
            END { if (at) print 100 * $at }')
    printf '%s\n    %s %% of the test digits, %d.%d s' "$*" "${accuracy:-no}" \
        $((($(date +%s%N) - begun) / 1000000000)) $((($(date +%s%N) - begun) / 100000000 % 10))
    if awk "BEGIN { exit !(${accuracy:--1} >= $lowest && ${accuracy:--1} <= $highest) }"; then
        echo
    else
        echo "  FAIL: expected $lowest to $highest; $(head -n 1 err)"
        failed=1
    fi
}

# 784-256-256-10, ReLU, He; momentum 0.9; 8 epochs, the rate falling to 0; a fifth dropped.
train 98 100 --depth 2 --width 256 --keep 0.8 --rate 0.05 --policy poly --batch 64 --epochs 8 \
    --validation 0

# 784-500x10-10, tanh, two epochs of 6000: first weights of variance 1/n, of 1e-4, of 1.
deep=(--depth 10 --width 500 --activation tanh --samples 6000 --validation 1000 --test 2000 --batch 50
    --updates 240 --rate 0.01)
train 80 100 --initializer xavier_normal "${deep[@]}"
train 0 20 --initializer small_normal "${deep[@]}"
train 0 50 --initializer unit_normal "${deep[@]}"
exit $failed
