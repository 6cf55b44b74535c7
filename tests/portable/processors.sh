#!/bin/sh
# The same numbers on other processors: a study under an emulated one with AVX2 and one with SSE2
# alone, against the same study here.
# usage: processors.sh STUDY STUDY-WITH-REFERENCE-BLAS
#
# OpenBLAS picks a kernel for each processor, and the sums of each are rounded differently; the
# library's own products, and those of the reference BLAS, have one order of summation. Under AVX2
# the file must then be the same, byte for byte, also as one by AVX-512 here. Without FMA the C
# library's exp and tanh, of which theory is made, differ in the last bit: there all that is measured
# must be the same, bit for bit.
# Exit status: 0 all well, 1 something is wrong, 77 a tool is missing or the processor cannot tell.
set -u
own=${1:?usage: processors.sh STUDY STUDY-WITH-REFERENCE-BLAS}
reference=${2:?usage: processors.sh STUDY STUDY-WITH-REFERENCE-BLAS}
for tool in qemu-x86_64 h5diff h5ls; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: $tool is missing; install qemu-user and hdf5-tools"
        exit 77
    fi
done
if [ "$(uname -m)" != x86_64 ]; then
    echo 'skipped: not an x86_64 machine'
    exit 77
fi
export OPENBLAS_NUM_THREADS=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0

# study PROGRAM FILE: every kind of layer, and activations of each kind of elementary function
study() {
    $1 --activation tanh,sigmoid,relu,selu,gelu,softplus --batch-norm both --runs 1 --jobs 1 --width 84 --samples 150 --depth 3 \
        --quiet --output "$2" 2>"$work/err" || {
        echo "$1: $(tail -n 1 "$work/err")"
        faults=$((faults + 1))
    }
}

fault() {
    echo "$1"
    faults=$((faults + 1))
}

study "$own" "$work/here.h5"
study "qemu-x86_64 -cpu Haswell $own" "$work/avx2.h5"
if ! grep -qw avx2 /proc/cpuinfo || ! grep -qw fma /proc/cpuinfo; then
    echo 'AVX2: not compared, this processor has none'
elif cmp "$work/here.h5" "$work/avx2.h5"; then
    echo 'AVX2: the same file'
else
    fault 'AVX2: another file'
fi

study "$reference" "$work/reference.h5"
study "qemu-x86_64 -cpu qemu64,-pni $reference" "$work/sse2.h5"
compared=0
for variable in $(h5ls "$work/reference.h5" | sed 's/ .*//' | grep -v '^predicted_'); do
    if h5diff "$work/reference.h5" "$work/sse2.h5" "/$variable" >"$work/difference"; then
        compared=$((compared + 1))
    elif grep -q 'dataset:' "$work/difference"; then
        fault "SSE2: $variable differs: $(tail -n 1 "$work/difference")"
    else
        compared=$((compared + 1)) # the names of the variables along a dimension, in another order
    fi
done
[ "$compared" -ge 25 ] || fault "SSE2: only $compared variables were compared"
[ "$faults" -gt 0 ] || echo "SSE2: $compared variables, all the same"
[ "$faults" -eq 0 ]
