#!/bin/sh
# Draws plots/*.svg and plots/*.png from results/*.h5, by way of the small summaries results/*.tsv.
# The studies of training are drawn where there is a results/NAME.h5, and skipped where there is not.
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

# summary NAME AXES COLUMNS [OPTION]...: means over the runs along the training, to results/NAME.tsv
summary() {
    name=$1 axes=$2 columns=$3
    shift 3
    "$h5tsv" "results/$name.h5" --over "$axes" --mean run "$@" >"$work/$name.tsv"
    awk -v columns="$columns" -v end="${end:-}" -f plots/summary.awk "$work/$name.tsv" >"results/$name.tsv"
}

# draw SCRIPT NAME [ARGUMENT]...: plots/NAME.svg and .png from results/NAME.tsv
draw() {
    script=$1 name=$2
    shift 2
    for terminal in svg png; do
        gnuplot -c "plots/$script.gp" "$terminal" "plots/$name.$terminal" "results/$name.tsv" "$@"
    done
    echo "plots/$name.svg plots/$name.png"
}

training="train_accuracy train_accuracy_sd"
validation="validation_accuracy validation_accuracy_sd"
losses="train_loss train_loss_sd validation_loss validation_loss_sd"
for name in minibatch preprocess batchnorm sanity regularize dropout finetune symmetry depth; do
    if ! test -e "results/$name.h5"; then
        echo "plots/$name.svg: skipped, there is no results/$name.h5 (make $name)"
        continue
    fi
    case $name in
    minibatch)
        summary $name batch,point \
            "batch point iteration epoch seconds batch_loss batch_loss_spread train_loss"
        draw $name $name
        ;;
    preprocess)
        summary $name transform,point "transform point iteration epoch $training $validation"
        draw $name $name
        ;;
    sanity)
        summary $name l2,point \
            "l2 point iteration epoch batch_loss batch_loss_spread train_loss $training"
        draw $name $name
        ;;
    regularize)
        summary $name l2,point "l2 point iteration epoch $losses $training $validation"
        draw $name $name
        ;;
    dropout)
        summary $name keep,point "keep point iteration $training $validation
            subnetwork_error subnetwork_error_sd subnetwork_noise subnetwork_noise_sd"
        draw $name $name
        ;;
    finetune)
        summary $name start,samples,point "start samples point iteration $validation"
        draw $name $name
        ;;
    symmetry)
        summary $name activation,initializer,point,layer \
            "activation initializer point iteration distinct_units $training" --where layer=1
        draw $name $name
        ;;
    batchnorm)
        end=1 summary $name batch_norm,initializer,rate,point \
            "batch_norm initializer rate iteration validation_accuracy train_accuracy depth_scale"
        draw heat $name rate validation_accuracy \
            "Batch norm widens the range of learning rates and of first weights that learn" batch_norm
        ;;
    depth)
        end=1 summary $name initializer,depth,point \
            "initializer depth iteration validation_accuracy train_accuracy depth_scale"
        draw heat $name depth train_accuracy \
            "Nets deeper than theory's six depth scales do not train"
        ;;
    esac
done
