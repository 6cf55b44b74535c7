#!/bin/bash
# The training programs as a user meets them: mistyped and extreme options, files, fine-tuning, what
# they print. Breaking and resuming is in study/resume.sh.
# usage: train.sh FOLDER-OF-STUDIES   (the programs train, minibatch, preprocess, ...)
set -u
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
studies=$(cd "${1:?usage: train.sh FOLDER-OF-STUDIES}" && pwd)
program=$studies/train name=train
source "$here/common.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

python=/usr/bin/python3 # Debian's, which has h5py
[ -x $python ] || python=python3

small=(--data synthetic --samples 200 --validation 40 --test 40 --width 8 --batch 20 --epochs 2
    --points 4 --jobs 1)
wrong() { # wrong CODE PATTERN OPTION...: one line says so, and nothing is written
    local code=$1 pattern=$2
    shift 2
    refuses "$code" "$pattern" "${small[@]}" --output made.h5 "$@"
}
right() { succeeds "${small[@]}" --output right.h5 "$@"; }
last() { tail -n 1 log; } # the last evaluation
value() { last | "$python" -c 'import json, sys; print(json.load(sys.stdin)["'"$1"'"])'; }

# ---- mistyped

wrong 64 "unknown option '--epoks'.*did you mean '--epochs'" --epoks 3
wrong 64 "unexpected argument 'leftover'" leftover
wrong 64 "needs a value" --batch
wrong 64 "unknown activation 'rleu'; did you mean 'relu'" --activation rleu
wrong 64 "unknown initializer 'he_nromal'; did you mean 'he_normal'" --initializer he_nromal
wrong 64 "unknown transform 'per_pixle'; did you mean 'per_pixel'" --transform per_pixle
wrong 64 "unknown transform 'foo'; one of: none, scale" --transform foo
wrong 64 "unknown update rule 'adma'; did you mean 'adam'" --rule adma
wrong 64 "unknown learning-rate policy 'setp'; did you mean 'step'" --policy setp
wrong 64 "unknown data .* 'mnits'; did you mean 'mnist'" --data mnits
wrong 64 'unknown data .* one of: auto, mnist' --data nowhere
wrong 64 'unknown batch norm' --batch-norm maybe
for option in activation initializer transform rule policy data batch-norm; do
    wrong 64 'unknown|expected one line' "--$option" "$(printf 'a\nb\033[31m')"
    wrong 64 'unknown|one of|initializer' "--$option" ''
done
wrong 64 'step needs step: give it as step:step=1000' --policy step
wrong 64 'at least 1' --policy step:step=0
wrong 64 'each larger than the one before' --policy multistep:steps=800/500
wrong 64 'multistep:steps=500/800' --policy multistep
wrong 64 'from 0 to' --policy exp:gamma=-1
for value in 0 -1 '' 2x nan 1.5 1e3 99999999999999999999; do
    for option in width batch epochs points jobs; do
        wrong 64 "--$option '.*expected a whole number from 1" "--$option" "$value"
    done
done
for option in depth samples each validation test components updates seed snapshot-every; do
    for value in -1 '' 2x 1e12 99999999999999999999; do
        wrong 64 "--$option '.*expected a whole number from 0" "--$option" "$value"
    done
done
for option in bias-std keep rate momentum l2 clip lower-rate; do
    for value in -0.1 '' 2x nan inf 1e999; do
        wrong 64 "--$option '.*expected a number from" "--$option" "$value"
    done
done
wrong 64 'from 0.001 to 1' --keep 0
wrong 64 'from 0.001 to 1' --keep 1.01
wrong 64 'from 0 to 0.9999' --momentum 1
for value in 9-5 5-5 5 5- -5 a-b 0-99999 ''; do
    wrong 64 'expected FIRST-LAST' --classes "$value"
done
wrong 64 '--classes 5-10: the data have classes 0 to 9' --classes 5-10
wrong 64 '--snapshot-every 5 has no file' --snapshot-every 5
wrong 64 'output and --snapshot are both .*made.h5' --snapshot made.h5
wrong 64 'output and --log are both' --log made.h5
wrong 64 'expected one line' --weights "$(printf 'a\nb')"
wrong 65 "layers 1 and 5 are both called 'dense_1'.*rename" --top dense_1 --snapshot made.snapshot
wrong 65 "called 'a/b'.*rename" --top a/b --snapshot made.snapshot

# ---- data that are not there, or too few

wrong 65 'no train-images-idx3-ubyte in .data.; `make mnist` brings it' --data mnist
wrong 65 'no data_batch_1.bin in .data.' --data cifar10
wrong 65 "no tests/data/digits100" --data digits100
mkdir empty
wrong 65 'neither train-images-idx3-ubyte nor data_batch_1.bin' --data empty
wrong 65 '200 samples are too few for 300 of each of 10 classes; ask for fewer' --each 300
wrong 65 'of the 1 samples none is of the classes 0 to 1' --classes 0-1 --validation 1
wrong 65 '785 were asked for; ask for 784 or fewer' --transform pca --components 785
mkdir -p mine/tests/data
for file in images.idx3 labels.idx1; do
    cp "$here/../data/digits100-$file-ubyte" mine/tests/data/
    cp "$here/../data/digits100-$file-ubyte" "mine/train-$file-ubyte"
    cp "$here/../data/digits100-$file-ubyte" "mine/t10k-$file-ubyte"
done
for file in mine/*.idx?-ubyte; do
    mv "$file" "${file/.idx/-idx}"
done
wrong 65 '100.*240|240.*100' --data mine
wrong 65 '--validation 100 leaves nothing of the 100 samples' --data mine/ --samples 0 --validation 100
right --data mine --samples 60 --validation 40 --test 50
right --data mine/ --samples 0
head -c 1000 mine/train-images-idx3-ubyte >short && mv short mine/train-images-idx3-ubyte
wrong 65 'mine/train-images-idx3-ubyte.*truncated' --data mine
printf '\377' | dd of=mine/t10k-labels-idx1-ubyte bs=1 seek=20 conv=notrunc 2>/dev/null
cp "$here/../data/digits100-images.idx3-ubyte" mine/train-images-idx3-ubyte
wrong 65 't10k-labels-idx1-ubyte.*255' --data mine --samples 60

# ---- more than there is

for option in samples validation test; do
    wrong 71 'needs [0-9.]+ [KMGTPE]iB' "--$option" 1000000000000
    wrong 71 'needs [0-9.]+ [KMGTPE]iB' "--$option" 4503599627370496
done
wrong 71 'needs [0-9.]+ [KMGTPE]iB' --width 1000000 --depth 1000000
wrong 71 'needs [0-9.]+ [KMGTPE]iB' --points 1000000 --depth 10000 --width 2
right --batch 4503599627370496
right --jobs 4096
right --points 100000
check 'evaluations end with the updates' test "$(wc -l <out)" -gt 3
right --points 1 --updates 1
right --width 1 --batch 1 --validation 0 --test 0
for options in '--rate 0' '--rate 1e30' '--clip 1e-30' '--l2 1e30' '--bias-std 1e30' '--momentum 0' \
    '--lower-rate 0' '--lower-rate 1e6' '--policy exp:gamma=9999' '--each 3' '--transform pca' \
    '--components 7 --transform whiten --batch-norm on --keep 0.001' '--seed 4503599627370496'; do
    # shellcheck disable=SC2086
    right $options
done

# ---- what the options do

long=(--data synthetic --samples 300 --validation 200 --test 200 --epochs 10 --quiet --output o.h5)
succeeds "${long[@]}" --depth 0 --rate 0.05 --batch 20 --transform whiten --components 40 --log log
check 'softmax regression learns' "$python" -c "assert $(value train_accuracy) > 0.9"
succeeds "${long[@]}" --rate 1e20 --log log
check 'a run whose loss is not finite leaves its file' test -s o.h5
if [ -c /dev/full ]; then
    run "${long[@]}" --log /dev/full
    failed_well 'no room for the log' $? 74 "cannot write the log '/dev/full': No space"
fi
printf 'old\nolder\n%05000d\n' 0 >log
succeeds "${long[@]}" --log log
check 'an older, longer log is replaced' awk '!/^{.*}$/ { exit 1 }' log
succeeds --data synthetic --samples 100 --validation 0 --test 0 --momentum 0 --output zero.h5
succeeds --data synthetic --samples 100 --validation 0 --test 0 --rule sgd --output sgd.h5
"$program" --csv --data synthetic --samples 100 --validation 0 --test 0 --momentum 0 -o o.h5 >zero.csv 2>err
"$program" --csv --data synthetic --samples 100 --validation 0 --test 0 --rule sgd -o o.h5 >sgd.csv 2>err
check '--momentum 0 is plain gradient descent' cmp zero.csv sgd.csv

# ---- fine-tuning

lower=(--classes 0-4 --snapshot before.h5)
right "${lower[@]}" --transform standardize
right --weights before.h5 --classes 5-9 --top new --lower-rate 0.1 --snapshot after.h5
for row in 'dense_1 +loaded +\(784, 8\)' 'dense_2 +loaded +\(8, 8\)' 'new +fresh +\(8, 5\)' \
    'logits +skipped +\(8, 5\)' 'activation_1 +no parameters' 'transform standardize as there'; do
    check "the table says '$row'" grep -Eq "$row" err
done
# The digits' bytes as images of 7 x 14.
mkdir other
printf '\0\0\10\3\0\0\0\144\0\0\0\7\0\0\0\16' >other/train-images-idx3-ubyte
tail -c +17 "$here/../data/digits100-images.idx3-ubyte" | head -c 9800 >>other/train-images-idx3-ubyte
cp other/train-images-idx3-ubyte other/t10k-images-idx3-ubyte
cp mine/train-labels-idx1-ubyte other/
cp mine/train-labels-idx1-ubyte other/t10k-labels-idx1-ubyte
wrong 65 '784 values.* 98' --weights before.h5 --data other --samples 50
wrong 65 "layer 'dense_1'.*\(784, 8\) in 'before.h5' and \(784, 9\) here; rename" \
    --weights before.h5 --width 9
wrong 65 "layer 'logits'.*\(8, 5\) in 'before.h5' and \(8, 10\) here; rename" --weights before.h5
right --weights before.h5 --classes 5-9 --top new --lower-rate 0 --snapshot frozen.h5
"$python" - 2>/dev/null <<'PYTHON'
try:
    import h5py
except ImportError:
    raise SystemExit(77)
before, after, frozen = (h5py.File(f + ".h5")["net"] for f in ("before", "after", "frozen"))
moved = abs(after["dense_1/weight"][:] - before["dense_1/weight"][:]).max()
assert moved > 0, moved
assert (frozen["dense_1/weight"][:] == before["dense_1/weight"][:]).all()
assert (frozen["dense_2/bias"][:] == before["dense_2/bias"][:]).all()
with h5py.File("right.h5") as results, h5py.File("frozen.h5") as snapshot:
    assert (results["transform_mean"][0] == snapshot["transform/mean"][:]).all()
PYTHON
found=$?
if [ $found -eq 77 ]; then
    echo 'skipped: the frozen layers in the files, for want of h5py'
else
    verdict 'frozen layers stay, lower rates move' "$([ $found -eq 0 ] || echo ' they do not')"
fi

# ---- what is printed

right --quiet
check '--quiet is quiet' test ! -s out -a ! -s err

program=$studies/minibatch name=minibatch
refuses 64 '--batch is what this study varies.*train --batch=5' --output made.h5 --batch=5
for study in minibatch preprocess batchnorm sanity regularize dropout finetune symmetry depth train; do
    program=$studies/$study name=$study
    few=(--data synthetic --samples 1200 --validation 100 --test 50 --points 2 --output made.h5)
    case $study in
    train) few+=(--width 8 --updates 3) ;;
    finetune) few+=(--samples 2600 --width 4 --runs 1) ;;
    depth | symmetry | batchnorm) few+=(--width 6 --updates 3 --runs 1 --batch 20) ;;
    minibatch) few+=(--width 8 --updates 3 --runs 1) ;;
    *) few+=(--width 8 --updates 3 --runs 1 --batch 20) ;;
    esac
    succeeds --help
    check "$study --help fits 80 columns" awk 'length > 80 { exit 1 } END { exit NR < 20 }' out
    check "$study --help is silent on stderr" test ! -s err
    succeeds --list
    check "$study --list" grep -q whiten out
    succeeds --version
    succeeds "${few[@]}" --jobs 1 --log log
    cp made.h5 jobs1.h5
    mv out table1
    check "$study prints a table and a diagnosis" grep -q Diagnosis table1
    check "$study prints no control characters" awk '/\033/ { exit 1 }' table1
    succeeds "${few[@]}" --jobs 2
    check "$study: --jobs 2 gives the file of --jobs 1" cmp made.h5 jobs1.h5
    check "$study: --jobs 2 prints the table of --jobs 1" cmp out table1
    succeeds "${few[@]}" --json
    check "$study --json is JSON" "$python" -m json.tool out
    succeeds "${few[@]}" --csv
    check "$study --csv has one width" awk -F, 'NR == 1 { n = NF } NF != n { exit 1 } END { exit NR < 3 }' out
    check "$study --log is JSON, line by line" "$python" -c 'import json
rows = [json.loads(line) for line in open("log")]
assert len(rows) > 2 and all("train_loss" in row for row in rows), len(rows)'
    rm -f made.h5 log
done

# ---- the hundred digits, where MNIST is not

program=$studies/sanity name=sanity
cd mine || exit 1
succeeds --points 5 --epochs 40 --output sanity.h5
check 'sanity takes the hundred digits' grep -q '100 digits of MNIST, 100 for training, 0 for' out
check 'and gets all of them right' grep -q 'the net gets 100 % of the hundred right' out
succeeds --each 4 --points 2 --epochs 1 --output sanity.h5
check '--each takes so many of them' grep -q '40 for training' out
report
