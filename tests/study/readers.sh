#!/bin/sh
# What the tools of HDF5 and netCDF make of a study's file, and what h5tsv makes of a file of theirs.
# usage: readers.sh STUDY H5TSV
# Exit status: 0 all well, 1 something is wrong, 77 a tool is missing.
set -u
study=${1:?usage: readers.sh STUDY H5TSV}
h5tsv=${2:?usage: readers.sh STUDY H5TSV}
for tool in h5dump ncdump ncgen; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: $tool is missing; install hdf5-tools and netcdf-bin"
        exit 77
    fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0

# expect FILE LINE...: the file has each of these lines, but for blanks around them
expect() {
    file=$1
    shift
    for line; do
        if ! sed 's/^[[:space:]]*//; s/[[:space:]]*$//' "$file" | grep -Fqx -e "$line"; then
            echo "not in $(basename "$file"): $line"
            faults=$((faults + 1))
        fi
    done
}

# reject FILE WORD...: the file has none of these words
reject() {
    file=$1
    shift
    for word; do
        if grep -Fq -e "$word" "$file"; then
            echo "in $(basename "$file"): $word"
            faults=$((faults + 1))
        fi
    done
}

"$study" --depth 3 --width 8 --samples 16 --runs 2 --seed 1 --quiet --output "$work/study.h5" || exit 1

h5dump -H -p "$work/study.h5" >"$work/h5dump" || faults=$((faults + 1))
expect "$work/h5dump" 'DATASET "activation_mean" {' 'ATTRIBUTE "DIMENSION_LIST" {' \
    'DATASPACE  SIMPLE { ( 2, 2, 2, 4 ) / ( 2, 2, 2, 4 ) }' 'DATATYPE  H5T_STD_I8LE' 'CONTIGUOUS'
reject "$work/h5dump" 'H5T_VARIABLE' 'H5T_ENUM' 'CHUNKED'

ncdump -h "$work/study.h5" >"$work/ncdump" || faults=$((faults + 1))
expect "$work/ncdump" 'activation = 2 ;' 'batch_norm = 2 ;' 'run = 2 ;' 'layer = 4 ;' 'bin = 50 ;' \
    'byte activation(activation) ;' 'activation:flag_values = 0b, 1b ;' \
    'activation:flag_meanings = "tanh relu" ;' 'batch_norm:flag_meanings = "off on" ;' \
    'int64 run(run) ;' 'int64 layer(layer) ;' 'int64 seed(run) ;' \
    'double activation_mean(activation, batch_norm, run, layer) ;' \
    'activation_mean:coordinates = "seed" ;' 'activation_mean:_FillValue = NaN ;' \
    'activation_mean:units = "1" ;' \
    'double activation_histogram(activation, batch_norm, run, layer, bin) ;' \
    ':Conventions = "CF-1.8" ;'
ncdump -v seed,layer "$work/study.h5" >"$work/ncdump-values" || faults=$((faults + 1))
expect "$work/ncdump-values" 'seed = 1, 2 ;' 'layer = 0, 1, 2, 3 ;'

# A file of another program: dimensions in another order, an unlimited one, integers, fill values.
cat >"$work/foreign.cdl" <<'CDL'
netcdf foreign {
dimensions: kind = 2 ; layer = 3 ; run = UNLIMITED ;
variables:
    string kind(kind) ;
    int layer(layer) ;
    float mean(run, kind, layer) ; mean:_FillValue = -1.f ; mean:long_name = "mean" ;
    short packed(layer) ; packed:scale_factor = 0.5 ; packed:add_offset = 1. ;
    string remark(kind) ;
:title = "of another program" ;
data:
    kind = "tanh", "leaky relu" ;
    layer = 1, 2, 4 ;
    mean = 1, 2, 3, 4, 5, 6, 7, -1, 9, 10, 11, 12.5 ;
    packed = 0, 2, 4 ;
    remark = "a", "b" ;
}
CDL
ncgen -4 -o "$work/foreign.nc" "$work/foreign.cdl" || faults=$((faults + 1))
"$h5tsv" "$work/foreign.nc" --over kind,layer,run >"$work/foreign" || faults=$((faults + 1))
cat >"$work/foreign-expected" <<'TSV'
kind	layer	run	mean	packed
tanh	1	0	1	1
tanh	1	1	7	1
tanh	2	0	2	2
tanh	2	1	NA	2
tanh	4	0	3	3
tanh	4	1	9	3
leaky relu	1	0	4	1
leaky relu	1	1	10	1
leaky relu	2	0	5	2
leaky relu	2	1	11	2
leaky relu	4	0	6	3
leaky relu	4	1	12.5	3
TSV
diff "$work/foreign-expected" "$work/foreign" || faults=$((faults + 1))

# h5tsv: what ncdump says, a mean by hand, and bad requests.
"$h5tsv" "$work/foreign.nc" --mean run --where kind=tanh >"$work/mean" || faults=$((faults + 1))
cat >"$work/mean-expected" <<'TSV'
kind	layer	mean	mean_sd	packed
tanh	1	4	4.242640687119285	1
tanh	2	NA	NA	2
tanh	4	6	4.242640687119285	3
TSV
diff "$work/mean-expected" "$work/mean" || faults=$((faults + 1))
# refuse STATUS WORD ARGUMENT...: h5tsv ends with this status and says this
refuse() {
    expected=$1
    word=$2
    shift 2
    "$h5tsv" "$@" >"$work/out" 2>"$work/err"
    status=$?
    if [ "$status" -ne "$expected" ] || ! grep -Fq -e "$word" "$work/err" || [ -s "$work/out" ]; then
        echo "h5tsv $*: status $status, expected $expected: $(cat "$work/err")"
        faults=$((faults + 1))
    fi
}
refuse 64 'expected one FILE'
refuse 64 "no axis 'depth'; the file has: kind, layer, run" "$work/foreign.nc" --mean depth
refuse 64 "no label 'elu'" "$work/foreign.nc" --where kind=elu
refuse 64 "no position '3'" "$work/foreign.nc" --where layer=3
refuse 64 'expected AXIS=LABEL' "$work/foreign.nc" --where layer
refuse 64 'no variable lies over exactly' "$work/foreign.nc" --over kind
refuse 65 'not an HDF5 file' "$work/foreign.cdl"
refuse 74 'No such file' "$work/nothing.h5"
"$h5tsv" "$work/foreign.nc" >/dev/full 2>"$work/err"
status=$?
[ "$status" -eq 74 ] || { echo "h5tsv to a full device: status $status"; faults=$((faults + 1)); }

[ "$faults" -eq 0 ] || exit 1
