#!/bin/sh
# Reads a study's file with every reader found here, and compares what they say of each variable:
# shape, missing values, least and greatest, first and last, to the last bit.
# usage: run.sh FILE
# Exit status: 0 all that could run agree, 1 one failed or differs.
set -u
file=${1:?usage: run.sh FILE}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0
reference=

# compare NAME COMMAND...: status 77 means that the reader is not installed, with the reason
compare() {
    name=$1
    shift
    "$@" >"$work/$name" 2>"$work/$name.err"
    status=$?
    if [ "$status" -eq 77 ]; then
        echo "skipped: $name: $(tail -n 1 "$work/$name.err")"
    elif [ "$status" -ne 0 ] || [ ! -s "$work/$name" ]; then
        echo "failed: $name: status $status"
        tail -n 5 "$work/$name.err"
        faults=$((faults + 1))
    elif [ -z "$reference" ]; then
        reference=$name
        echo "read: $name: $(wc -l <"$work/$name") variables"
    elif diff "$work/$reference" "$work/$name"; then
        echo "read: $name: the same as $reference"
    else
        echo "failed: $name differs from $reference"
        faults=$((faults + 1))
    fi
}

python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import h5py' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -n "$python" ]; then
    for reader in h5py netCDF4 xarray-netcdf4 xarray-h5netcdf; do
        compare "$reader" "$python" "$here/check.py" "$reader" "$file"
    done
else
    echo "skipped: h5py, netCDF4, xarray: no python3 with h5py; install python3-h5py"
fi
if command -v octave >/dev/null; then
    compare octave octave --quiet --no-gui --no-init-file "$here/check.m" "$file"
else
    echo "skipped: octave: it is not installed"
fi
[ "$faults" -eq 0 ] || exit 1
