#!/bin/sh
# Draws plots/*.svg and plots/*.png from results/*.h5, by way of the small summaries results/*.tsv.
# usage: plots/draw.sh BUILD_FOLDER, from the top of the tree
set -eu
export LC_ALL=C.UTF-8
build=${1:?usage: plots/draw.sh BUILD_FOLDER}
h5tsv=$build/plots/h5tsv
work=$build/plots

# histogram BIN_EDGES: the counts of run 0 with the two edges of each bin beside them
histogram() {
    "$h5tsv" "$1" --over activation,batch_norm,run,layer,bin --where run=0 >"$work/counts.tsv"
    "$h5tsv" "$1" --over activation,batch_norm,run,layer,edge --where run=0 >"$work/edges.tsv"
    awk -F '\t' -v OFS='\t' '
        function find(name,   k) { for (k = 1; k <= NF; k++) if ($k == name) return k; exit 1 }
        FNR == 1 && NR == 1 { e_layer = find("layer"); e_edge = find("edge"); e_value = find("histogram_edges"); next }
        NR == FNR { edge[$1, $2, $e_layer, $e_edge] = $e_value; next }
        FNR == 1 { layer = find("layer"); bin = find("bin"); count = find("activation_histogram")
                   print "activation", "batch_norm", "layer", "lower", "upper", "count"; next }
        { print $1, $2, $layer, edge[$1, $2, $layer, $bin], edge[$1, $2, $layer, $bin + 1], $count }
    ' "$work/edges.tsv" "$work/counts.tsv"
}

title() {
    case $1 in
    init-zero) echo "w = 0" ;;
    init-small) echo "w = 0.01 randn(fan\\\\_in, fan\\\\_out)" ;;
    init-unit) echo "w = randn(fan\\\\_in, fan\\\\_out)" ;;
    init-xavier) echo "Xavier: w = randn(fan\\\\_in, fan\\\\_out) / √fan\\\\_in" ;;
    init-he) echo "He: w = randn(fan\\\\_in, fan\\\\_out) / √(fan\\\\_in / 2)" ;;
    *) echo "$1" ;;
    esac
}

for name in init-zero init-small init-unit init-xavier init-he; do
    "$h5tsv" "results/$name.h5" --over activation,batch_norm,layer --mean run >"results/$name.tsv"
    histogram "results/$name.h5" >"$work/$name-histogram.tsv"
    for terminal in svg png; do
        gnuplot -c plots/scheme.gp "$terminal" "plots/$name.$terminal" "$(title "$name")" \
            "results/$name.tsv" "$work/$name-histogram.tsv"
    done
    echo "plots/$name.svg plots/$name.png"
done
for terminal in svg png; do
    gnuplot -c plots/compare.gp "$terminal" "plots/compare.$terminal" results
done
echo "plots/compare.svg plots/compare.png"
