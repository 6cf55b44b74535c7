#!/bin/sh
# fanin-compare: p against known values, axes of any order, the decision, and bad input.
# usage: compare.sh FANIN_COMPARE STUDY
# Exit status: 0 all well, 1 something is wrong, 77 a tool is missing.
set -u
export LC_ALL=C
compare=$(realpath "${1:?usage: compare.sh FANIN_COMPARE STUDY}")
study=$(realpath "${2:?usage: compare.sh FANIN_COMPARE STUDY}")
if ! command -v ncgen >/dev/null; then
    echo "skipped: ncgen is missing; install netcdf-bin"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
faults=0

# run STATUS OPTION...: fanin-compare ends with this status; its output is in out and err
run() {
    expected=$1
    shift
    "$compare" "$@" >out 2>err
    status=$?
    if [ $status -ne "$expected" ] || { [ $status -le 1 ] && [ -s err ]; }; then
        echo "fanin-compare $*: status $status, expected $expected: $(cat err)"
        faults=$((faults + 1))
    fi
}

# expect LINE...: the output has each of these lines; runs of blanks count as one
expect() {
    for line; do
        if ! sed 's/  */ /g; s/ $//' out | grep -Fqx -e "$line"; then
            echo "not in the output: $line"
            cat out
            faults=$((faults + 1))
        fi
    done
}

# refuse STATUS WORDS OPTION...: one line that says so, nothing on stdout
refuse() {
    code=$1
    words=$2
    shift 2
    run "$code" "$@"
    if ! grep -q '^fanin-compare: ' err || ! grep -Fq -e "$words" err || [ -s out ]; then
        echo "fanin-compare $*: expected '$words': $(cat out err)"
        faults=$((faults + 1))
    fi
}

# make FILE DIMENSIONS VARIABLES DATA: a netCDF-4 file
make() {
    printf 'netcdf x {\ndimensions: %s\nvariables: %s\ndata: %s\n}\n' "$2" "$3" "$4" >"$1.cdl"
    ncgen -4 -o "$1" "$1.cdl" || faults=$((faults + 1))
}

# runs FILE VALUES: the variable x of so many runs
runs() {
    make "$1" "run = $(echo "$2" | tr ',' '\n' | wc -l) ;" 'double x(run) ;' "x = $2 ;"
}

# ---- p of Student's t

runs two.nc '3, 5'
runs zero.nc '-1, 1'
runs one.nc 0
runs three.nc '-1, 0, 1'
runs six.nc '-1, 1, -1, 1, -1, 1'
runs shifted.nc '0.409199, 2.409199, 0.409199, 2.409199, 0.409199, 2.409199'
# 2 degrees of freedom: t = 4 / sqrt 2, p = 1 - t / sqrt(2 + t^2) = 1 - sqrt(4 / 5)
run 0 two.nc zero.nc --all
expect 'x - 4 1.41421 0 1.41421 2.83 0.106'
# one run takes the other's sd; 1 degree: t = 4 / sqrt 3, p = 1 - (2 / pi) atan t
run 0 two.nc one.nc --all
expect 'x - 4 1.41421 0 . 2.31 0.26' 't tests: 1, at a family-wise error rate of 0.01'
run 0 one.nc two.nc --all
expect 'x - 0 . 4 1.41421 -2.31 0.26'
# Welch: variances 2 / 2 and 1 / 3, (4/3)^2 / (1 + 1/18) = 1.684 degrees; p as SciPy's ttest_ind
run 0 two.nc three.nc --all
expect 'x - 4 1.41421 0 1 3.46 0.0941'
# 10 degrees: the tables' two-sided 5 % point is 2.228
run 0 shifted.nc six.nc --level 0.0499
expect 'x - 1.4092 0 2.23 0.05 1 0'
run 1 shifted.nc six.nc --level 0.0501
expect 'x - 1.4092 0 2.23 0.05 1 1' 'they differ: 1 of 1 positions'

# Holm: p = .5, .05 and .106 become .5, 3 x .05 and 2 x .106
make holm-a.nc 'layer = 3 ; run = 2 ;' 'double x(layer, run) ;' 'x = 0, 2, 10, 12, 3, 5 ;'
make holm-b.nc 'layer = 3 ; run = 2 ;' 'double x(layer, run) ;' \
    'x = -1.154701, 0.845299, 3.836, 5.836, -1, 1 ;'
run 0 holm-a.nc holm-b.nc --all
expect 'x 0 1 1.41421 -0.154701 1.41421 0.816 0.5' 'x 1 11 1.41421 4.836 1.41421 4.36 0.146' \
    'x 2 4 1.41421 0 1.41421 2.83 0.211'
run 0 holm-a.nc holm-b.nc
expect 'x 1 11 4.836 4.36 0.146 3 0'
make equal-a.nc 'layer = 2 ; run = 2 ;' 'double x(layer, run) ;' 'x = 3, 5, 3, 5 ;'
make equal-b.nc 'layer = 2 ; run = 2 ;' 'double x(layer, run) ;' 'x = -1, 1, -1, 1 ;'
run 0 equal-a.nc equal-b.nc --all
expect 'x 0 4 1.41421 0 1.41421 2.83 0.211' 'x 1 4 1.41421 0 1.41421 2.83 0.211'

# ---- without spread

runs constant.nc '2, 2, 2'
runs close.nc '2.00001, 2.00001'
runs off.nc '2.0001, 2.0001'
runs missing.nc 'NaN, NaN'
runs part.nc '2, NaN, 2'
run 0 constant.nc close.nc
expect 'x - 2 2.00001 . same 1 0' 'they agree: 1 of 1 positions'
run 1 constant.nc off.nc
expect 'x - 2 2.0001 . apart 1 1'
run 0 constant.nc off.nc --tolerance 1e-3
run 1 constant.nc off.nc --level 0
run 1 one.nc constant.nc
run 0 one.nc one.nc
expect 'positions without spread over runs: 1, by the tolerance 1e-05 alone'
run 1 missing.nc constant.nc
expect 'x - . 2 . apart 1 1'
run 0 part.nc constant.nc
expect 'positions without the values of some runs: 1'
runs huge.nc '3e200, 5e200'
runs tiny.nc '3e-200, 5e-200'
runs huge-zero.nc '-1e200, 1e200'
run 0 huge.nc huge-zero.nc --all
expect 'x - 4e+200 1.41421e+200 0 1.41421e+200 2.83 0.106'
run 0 tiny.nc tiny.nc --all
expect 'x - 4e-200 1.41421e-200 4e-200 1.41421e-200 0 1'

# ---- axes: any order, labels, subsets

make a.nc 'activation = 2 ; batch_norm = 2 ; run = 2 ; layer = 3 ; bin = 2 ;' \
    'string activation(activation) ; string batch_norm(batch_norm) ; int layer(layer) ;
    int seed(run) ; double x(activation, batch_norm, run, layer) ; double y(batch_norm, layer) ;
    double counts(run, bin) ;' \
    'activation = "tanh", "relu" ; batch_norm = "off", "on" ; layer = 0, 1, 2 ; seed = 1, 2 ;
    x = 1, 2, 3, 1.5, 2.5, 3.5, 11, 12, 13, 11.5, 12.5, 13.5,
        21, 22, 23, 21.5, 22.5, 23.5, 31, 32, 33, 31.5, 32.5, 33.5 ;
    y = 1, 2, 3, 4, 5, 6 ; counts = 1, 2, 3, 4 ;'
make b.nc 'layer = 3 ; activation = 2 ; run = 2 ; batch_norm = 1 ; bin = 2 ;' \
    'string activation(activation) ; string batch_norm(batch_norm) ; int layer(layer) ;
    int seed(run) ; double y(layer) ; double x(layer, activation, run, batch_norm) ;
    double counts(run, bin) ;' \
    'activation = "relu", "tanh" ; batch_norm = "on" ; layer = 1, 2, 3 ; seed = 3, 4 ;
    x = 32, 32.5, 12, 12.5, 33, 33.5, 13, 13.5, 0, 0, 0, 0 ; y = 5, 6, 7 ; counts = 9, 9, 9, 9 ;'
run 0 a.nc b.nc --all
expect 'A: a.nc, 2 runs' 'variable activation/layer mean in A sd in A mean in B sd in B t p' \
    'x tanh/1 12.25 0.353553 12.25 0.353553 0 1' 'x relu/2 33.25 0.353553 33.25 0.353553 0 1' \
    'y */1 5 . 5 . . same' 'only in A: batch_norm off' 'only in A: layer 0' 'only in B: layer 3' \
    't tests: 4, at a family-wise error rate of 0.01' 'they agree: 6 of 6 positions'
run 0 b.nc a.nc --variable x
expect 'they agree: 4 of 4 positions'
make c.nc 'run = 2 ; layer = 3 ;' 'int layer(layer) ; double x(run, layer) ; double z(layer) ;' \
    'layer = 0, 1, 2 ; x = 21, 22, 23, 21.5, 22.5, 23.5 ; z = 1, 2, 3 ;'
refuse 65 "'c.nc' has no axis 'activation', along which 'a.nc' has tanh, relu" a.nc c.nc
refuse 65 "'c.nc' has no axis 'batch_norm', along which 'a.nc' has off, on" \
    a.nc c.nc --where activation=relu
run 0 a.nc c.nc --where activation=relu,batch_norm=off
expect 'they agree: 3 of 3 positions' 'only in A: statistics: 1' 'only in B: statistics: 1'
run 0 c.nc a.nc --where activation=relu,batch_norm=off,layer=1
expect 'they agree: 1 of 1 positions'
run 1 a.nc c.nc --where activation=tanh,batch_norm=off --level 0.1
refuse 65 "'c.nc' lacks the statistic 'y'; it has x, z" a.nc c.nc --variable x,y
refuse 64 "neither file has a statistic 'seed'" a.nc b.nc --variable seed
refuse 64 "neither file has a statistic 'counts'" a.nc b.nc --variable counts
make d.nc 'activation = 2 ; layer = 2 ;' \
    'int activation(activation) ; int layer(layer) ; double x(activation, layer) ;' \
    'activation = 0, 1 ; layer = 0, 1 ; x = 1, 2, 3, 4 ;'
refuse 65 "along axis 'activation' is in both files: 'a.nc' has tanh, relu; 'd.nc' has 0, 1" \
    a.nc d.nc --where batch_norm=off
make e.nc 'layer = 1 ;' 'double w(layer) ;' 'w = 1 ;'
refuse 65 "no statistic is in both files: 'a.nc' has x, y; 'e.nc' has w" a.nc e.nc
refuse 65 'have no values there' missing.nc missing.nc

# ---- studies

small='--depth 3 --width 100 --samples 100 --runs 6 --quiet'
"$study" $small --output first.h5 || faults=$((faults + 1))
"$study" $small --seed 1001 --output second.h5 || faults=$((faults + 1))
"$study" $small --seed 1001 --gain 1.1 --output third.h5 || faults=$((faults + 1))
run 0 first.h5 first.h5
run 0 first.h5 second.h5
run 1 first.h5 third.h5
run 1 first.h5 third.h5 --variable weight_variance
expect 'they differ: 12 of 12 positions'
run 0 first.h5 third.h5 --where layer=0 --variable activation_mean,activation_variance

# ---- bad input

refuse 64 'expected two files, got 1' first.h5
refuse 64 'expected two files, got 3' first.h5 first.h5 first.h5
for value in '' x 1 -0.1 nan 0.1x; do
    refuse 64 'expected a number from 0 to below 1' first.h5 second.h5 --level "$value"
done
refuse 64 'expected AXIS=LABEL' first.h5 second.h5 --where relu
refuse 64 "no axis 'de?pth'" first.h5 second.h5 --where "$(printf 'de\npth=1')"
refuse 64 "no axis 'depth'" first.h5 second.h5 --where depth=1
refuse 64 "'first.h5': axis 'activation' has no label 'elu'" first.h5 second.h5 --where activation=elu
refuse 64 'neither file has a statistic' first.h5 second.h5 --variable 'activation_mean,'
"$compare" --leve first.h5 >out 2>err
[ $? -eq 64 ] || { echo 'an unknown option is no usage error'; faults=$((faults + 1)); }
refuse 65 'not an HDF5 file' first.h5 two.nc.cdl
refuse 74 'No such file' nothing.h5 first.h5
refuse 74 'not a regular file' first.h5 .
head -c 3000 first.h5 >short.h5
refuse 65 'short.h5' first.h5 short.h5
"$compare" first.h5 first.h5 >/dev/full 2>err
[ $? -eq 74 ] || { echo 'a full device is no failure'; faults=$((faults + 1)); }
run 0 --help
awk 'length($0) > 80 { exit 1 } END { exit !NR }' out || { echo '--help'; faults=$((faults + 1)); }
run 0 --version

[ "$faults" -eq 0 ] || exit 1
