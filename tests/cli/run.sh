#!/bin/bash
# The study programs against bad input and bad luck: what they say, how they end, what they leave.
# usage: run.sh FOLDER-OF-STUDIES   (the programs init-zero, init-small, ...)
# After a failure: the right exit code, one line on stderr that begins with the program's name,
# nothing on stdout, nothing written. Prints what differs, and the number of cases.
set -u
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
data=$here/../data
studies=$(cd "${1:?usage: run.sh FOLDER-OF-STUDIES}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

name=init-he
program=$studies/$name
study=(timeout --kill-after=5 60 "$program") # 124: it hung
source "$here/common.sh"
small=(--depth 2 --width 8 --samples 16 --runs 2 --jobs 1)
wrong() { # wrong CODE PATTERN OPTION...: one line says so, and nothing is written
    local code=$1 pattern=$2
    shift 2
    refuses "$code" "$pattern" "${small[@]}" --output made.h5 "$@"
}

# ---- arguments

wrong 64 "'?--no-such-option" --no-such-option
wrong 64 'activation' --activaton relu
wrong 64 '-X' -X
wrong 64 'depth' --depth
wrong 64 'leftover' leftover
wrong 64 "tahn.*did you mean 'tanh'" --activation tahn
wrong 64 "rleu.*did you mean 'relu'" --activation tanh,rleu
wrong 64 'one of' --activation qqqqqqqqqq
wrong 64 'activation' --activation ''
wrong 64 'activation' --activation tanh,,relu
wrong 64 'activation' --activation "$(printf 'tanh\nrelu\033[31m')"
wrong 64 'one of.*both' --batch-norm maybe
wrong 64 'one of.*uniform' --distribution cauchy
for option in depth width samples runs jobs; do
    for value in 0 -1 '' abc 3x 1.5 1e3 0x10 ' 3' +3 nan 99999999999999999999; do
        wrong 64 "$option" "--$option" "$value"
    done
done
for value in -1 abc 1.5 9007199254740993 99999999999999999999; do
    wrong 64 'seed' --seed "$value"
done
for value in abc nan inf 1e999 '' 2x; do
    wrong 64 'gain' --gain "$value"
    wrong 64 'bias-std' --bias-std "$value"
done
wrong 64 'bias-std' --bias-std -1

# ---- sizes that no machine has: what would it need?

for option in depth width samples runs; do
    wrong 71 'needs [0-9.]+ [KMGTPE]iB' "--$option" 1000000000
done
wrong 71 'needs [0-9.]+ [KMGTPE]iB' --depth 1000000000 --width 1000000000 --no-backward

# ---- input files

digits=$data/digits100-images.idx3-ubyte
head -c 5000 "$digits" >truncated
head -c 3 "$digits" >header
(cat "$digits" && echo) >longer
gzip -c "$digits" >digits.gz
echo 'not an image' >text
: >empty
mkfifo pipe
wrong 74 'missing' --input missing
wrong 74 'directory' --input .
wrong 74 'pipe' --input pipe
wrong 65 'truncated.*78416.*5000' --input truncated
wrong 65 'truncated' --input header
wrong 65 '78416.*78417' --input longer
wrong 65 'gunzip' --input digits.gz
wrong 65 'not an IDX' --input text
wrong 65 'empty' --input empty
wrong 65 '100.*101' --input "$digits" --samples 101
wrong 65 'labels' --input "$data/digits100-labels.idx1-ubyte"

# ---- output files

mkdir folder
: >file
wrong 74 'no/such' --output no/such/study.h5
wrong 74 'file' --output file/study.h5
wrong 74 '/proc' --output /proc/study.h5
wrong 74 '/dev/full' --output /dev/full
wrong 74 'folder' --output folder
wrong 74 "''" --output ''
check '/dev/full is a device still' test -c /dev/full

# An existing file: kept through a failure, replaced by another file, never rewritten in place.
echo precious >kept.h5
ln kept.h5 witness
"${study[@]}" "${small[@]}" --output kept.h5 --input missing >out 2>err
check 'a failure keeps the old file' grep -q precious kept.h5
(ulimit -f 4 && "${study[@]}" "${small[@]}" --output kept.h5 >out 2>err)
failed_well 'no room for the file' $? 74 'kept.h5'
check 'no room keeps the old file' grep -q precious kept.h5
check 'no room leaves no temporary file' test ! -e kept.h5.tmp
succeeds "${small[@]}" --output kept.h5
check 'the old contents were not written over' grep -q precious witness
check 'the new file is HDF5' grep -q '^.HDF' kept.h5
check 'no temporary file is left' test ! -e kept.h5.tmp
succeeds "${small[@]}"
check 'the default file is results/init-he.h5' cmp kept.h5 results/init-he.h5
rm -rf results

# ---- standard output

: >out
"${study[@]}" "${small[@]}" --csv --output full.h5 >/dev/full 2>err
failed_well 'CSV on a full device' $? 74 'No space'
check 'the file was written all the same' cmp kept.h5 full.h5
"${study[@]}" "${small[@]}" --quiet --json --output full.h5 >/dev/full 2>err
failed_well 'JSON on a full device' $? 74 'No space'
"${study[@]}" "${small[@]}" --output full.h5 >/dev/full 2>err
check 'the table on a full device' test $? -eq 74
"${study[@]}" --help >/dev/full 2>err
failed_well 'help on a full device' $? 74 'No space'
"${study[@]}" "${small[@]}" --output closed.h5 >&- 2>err
check 'a closed standard output does not leak into the file' cmp kept.h5 closed.h5
"${study[@]}" "${small[@]}" --output closed.h5 >out 2>&-
check 'a closed standard error does not leak into the file' cmp kept.h5 closed.h5

# ---- interruption: 130, one line, no file; the old file stays

long=(--depth 3 --width 100 --samples 300 --runs 4000 --jobs 2)
for signal in INT TERM; do
    cp witness long.h5
    timeout --preserve-status --signal=$signal --kill-after=20 0.7 \
        "$studies/init-he" "${long[@]}" --output long.h5 >out 2>err </dev/null
    failed_well "SIG$signal" $? 130 'interrupted'
    check "SIG$signal keeps the old file" cmp witness long.h5
    check "SIG$signal leaves no temporary file" test ! -e long.h5.tmp
    rm -f long.h5
    timeout --preserve-status --signal=$signal --kill-after=20 0.7 \
        "$studies/init-he" "${long[@]}" --output long.h5 >out 2>err </dev/null
    check "SIG$signal leaves no file" test ! -e long.h5 -a ! -e long.h5.tmp
done

# ---- memory: whatever the limit, done or refused in one line, never a crash
# One BLAS thread: OpenBLAS's own threads, begun as it is loaded, wait for ever for 128 MiB each.

limits='150000 200000 250000 300000 400000 600000'
if ldd "$studies/init-he" | grep -q libasan; then
    echo 'skipped: limits of memory, under which AddressSanitizer cannot reserve its shadow'
    limits=
fi
for kib in $limits; do
    (ulimit -v $kib && OPENBLAS_NUM_THREADS=1 timeout -k 5 20 "$studies/init-he" --depth 3 \
        --width 1500 --samples 3000 --runs 1 --jobs 2 --quiet --output memory.h5) >out 2>err </dev/null
    found=$?
    if [ $found -eq 0 ]; then
        verdict "$kib KiB of memory" ''
    else
        failed_well "$kib KiB of memory" $found 71 'memory'
    fi
    rm -f memory.h5
done

# ---- what is asked for plainly

for each in init-zero init-small init-unit init-xavier init-he; do
    program=$studies/$each
    succeeds --help
    check "$each --help names every option" awk '
        { text = text $0 "\n" }
        END {
            n = split("activation batch-norm depth width samples runs seed jobs distribution gain " \
                      "bias-std input no-backward output json csv quiet list help version", name, " ")
            for (k = 1; k <= n; k++) if (!index(text, "--" name[k])) exit 1
        }' out
    check "$each --help fits 80 columns" awk 'length($0) > 80 { exit 1 }' out
    check "$each --help is silent on stderr" test ! -s err
    succeeds --version
    check "$each --version" grep -Eq "$each.* [0-9]+\.[0-9]+\.[0-9]+" out
    succeeds --list
    check "$each --list" awk '/tanh/ { a = 1 } /relu/ { b = 1 } END { exit !(a && b) }' out
    succeeds "${small[@]}"
    check "$each writes its file" test -s "results/$each.h5"
    check "$each prints a table without control characters" awk '/\033/ { exit 1 } END { exit !NR }' out
done
program=$studies/init-he
study=(timeout --kill-after=5 60 "$program")
succeeds --depth 1 --width 1 --samples 1 --runs 1 --output least.h5
succeeds "${small[@]}" --quiet --output quiet.h5
check '--quiet is quiet' test ! -s out -a ! -s err
succeeds "${small[@]}" --csv --output quiet.h5
check '--csv has one width' awk -F, 'NR == 1 { n = NF } NF != n { exit 1 } END { exit NR < 2 }' out
succeeds "${small[@]}" --json --output quiet.h5
check '--json is JSON' python3 -m json.tool out
succeeds --input "$digits" --depth 2 --width 8 --runs 1 --output input.h5
succeeds --input "$digits" --samples 100 --depth 2 --width 8 --runs 1 --output input.h5

# ---- one file, whatever the number of workers and the hour

# One network, of which all workers take a part, with every kind of layer.
for jobs in 1 2 8; do
    "${study[@]}" --depth 2 --width 300 --samples 500 --runs 1 --activation gelu --batch-norm on \
        --jacobian --jobs $jobs --output team$jobs.h5 >out$jobs 2>err
done
check 'one network: --jobs 2 gives the file of --jobs 1' cmp team1.h5 team2.h5
check 'one network: --jobs 8 gives the file of --jobs 1' cmp team1.h5 team8.h5

for jobs in 1 2 8; do
    "${study[@]}" --depth 3 --width 40 --samples 60 --runs 3 --jobs $jobs --output jobs$jobs.h5 >out$jobs 2>err
done
check '--jobs 2 gives the file of --jobs 1' cmp jobs1.h5 jobs2.h5
check '--jobs 8 gives the file of --jobs 1' cmp jobs1.h5 jobs8.h5
check '--jobs 2 prints the table of --jobs 1' cmp out1 out2
sleep 1.1
"${study[@]}" --depth 3 --width 40 --samples 60 --runs 3 --output later.h5 >out 2>err
check 'a second later the file is the same' cmp jobs1.h5 later.h5

# ---- a scheme of one's own

name=init-custom
program=$studies/$name
study=(timeout --kill-after=5 60 "$program")
rm -rf results
wrong 64 'give --initializer.*--list'
wrong 64 "'?--initializer" --initializer
wrong 64 "initializer ''" --initializer ''
wrong 64 "he_norml.*did you mean 'he_normal'" --initializer he_norml
wrong 64 'one of.*orthogonal' --initializer qqqqqqqqqq
wrong 64 "normal 'sdt'.*did you mean 'std'" --initializer normal:sdt=1
wrong 64 "'std'.*KEY=VALUE" --initializer normal:std
for value in abc '' -1 0 nan inf 1e999 2x; do
    wrong 64 'std' --initializer "normal:std=$value"
done
wrong 64 "mode 'fan_both'" --initializer he_normal:mode=fan_both
wrong 64 "zerso.*did you mean 'zeros'" --initializer he_normal --bias zerso
wrong 64 'exclude' --initializer he_normal --bias normal --bias-std 1
succeeds --list
check 'init-custom --list names the parameters' grep -q ':mean=0,std=1' out
for jobs in 1 2; do
    succeeds --initializer truncated_normal:std=0.05 --bias constant:value=0.1 --depth 3 --width 40 \
        --samples 60 --runs 3 --jobs $jobs --output custom$jobs.h5
    check "init-custom --jobs $jobs names the scheme in its table" grep -q truncated_normal out
done
check 'init-custom: one SHA-256 at --jobs 1 and 2' \
    test "$(sha256sum <custom1.h5)" = "$(sha256sum <custom2.h5)"
succeeds --initializer truncated_normal:std=0.06 --depth 3 --width 40 --samples 60 --runs 3 --output other.h5
succeeds --initializer orthogonal --depth 2 --width 8 --samples 16 --runs 1 --output orthogonal.h5
mkdir lone
cp "$program" "$studies/../lib/libfanin.so.0" lone
program=lone/$name
LD_LIBRARY_PATH=lone refuses 74 'libfanin-blas' "${small[@]}" --initializer orthogonal --output made.h5
program=$studies/$name
check 'init-custom: another std, another file' test "$(sha256sum <custom1.h5)" != "$(sha256sum <other.h5)"

report
