# The classic figure of one scheme: mean and standard deviation of each layer, and one histogram a
# layer, for tanh and ReLU, batch norm off and on.
# gnuplot -c scheme.gp svg|png OUTPUT TITLE SUMMARY.tsv HISTOGRAM.tsv
TERMINAL = ARG1
OUTPUT = ARG2
WIDTH = 1200
HEIGHT = 980
load "plots/style.gp"
title = ARG3
summary = ARG4
histogram = ARG5

array activations[2] = ["tanh", "relu"]
array names[2] = ["tanh", "ReLU"]
array norms[2] = ["off", "on"]
array colours[2] = [tanh_colour, relu_colour]
stats summary using (column("layer")) nooutput
depth = int(STATS_max)

# y where the row is of this activation and batch norm, else nothing
pick(a, b, y) = strcol("activation") eq activations[a] && strcol("batch_norm") eq norms[b] ? y : NaN
label(a, b) = names[a].(b == 2 ? ", batch norm" : "")

set multiplot
set label 1 title at screen 0.5, 0.977 center font ",17" textcolor "#222222"

# Points: means over the runs, with the deviation of a run; line and band: theory's.
set tmargin at screen 0.892
set bmargin at screen 0.635
set xlabel "layer (0 is the input)" textcolor "#444444"
set xrange [-0.3:depth + 0.3]
if (depth < 5) { set xtics 1 }
set style fill transparent solid 0.18 noborder
unset key
array places[4] = [0.055, 0.135, 0.285, 0.365]
do for [a = 1:2] {
    do for [b = 1:2] {
        k = 2 * a + b - 2
        set label 20 + k sprintf("%s  %s", b == 2 ? "○" : "●", label(a, b)) at screen places[k], 0.562 textcolor rgb colours[a]
    }
}
set label 25 "points: mean and deviation of the runs; line and band: what theory predicts of one run" at screen 0.98, 0.562 right textcolor "#666666"
# the verdict's factor a layer, forward and backward, as the titles of the panels say
show(v) = v eq "NA" ? "-" : sprintf("×%.3g", real(v))
factor(a, b, name) = show(system(sprintf("awk -F'\\t' -v a=%s -v b=%s 'NR == 1 { for (k = 1; k <= NF; k++) if ($k == \"%s\") c = k; next } $1 == a && $2 == b { print $c; exit }' %s", activations[a], norms[b], name, summary)))
factors(name) = sprintf("a layer: tanh %s (bn %s), ReLU %s (bn %s)", factor(1, 1, name), factor(1, 2, name), factor(2, 1, name), factor(2, 2, name))
root(v) = v > 0 ? sqrt(v) : NaN
array quantities[3] = ["activation_mean", "activation_variance", "gradient_variance"]
array titles[3] = ["mean of the activations", "standard deviation of the activations", "standard deviation of the gradients"]
do for [panel = 1:3] {
    q = quantities[panel]
    p = "predicted_".q
    shown(v) = panel == 1 ? v : root(v)
    set lmargin at screen 0.055 + (panel - 1) * 0.325
    set rmargin at screen 0.055 + (panel - 1) * 0.325 + 0.275
    set title titles[panel] offset 0, 0.75
    if (panel == 2) { set label 40 factors("forward_factor") at graph 0.5, 1.065 center font ",9" textcolor "#444444" }
    if (panel == 3) { set label 40 factors("backward_factor") at graph 0.5, 1.065 center font ",9" textcolor "#444444" }
    logarithmic = panel == 3
    if (panel == 2) {
        stats summary using (column("activation_variance")) nooutput
        logarithmic = STATS_max > 100
    }
    if (logarithmic) { set logscale y; set format y "10^{%T}" } else { unset logscale y; set format y "% h" }
    plot for [a = 1:2] for [b = 1:2] summary \
            using (column("layer")):(pick(a, b, shown(column(p) - column(p."_sd")))):(pick(a, b, shown(column(p) + column(p."_sd")))) \
            with filledcurves linecolor rgb colours[a], \
        for [a = 1:2] for [b = 1:2] summary \
            using (column("layer")):(pick(a, b, shown(column(p)))) \
            with lines linecolor rgb colours[a] dashtype b linewidth 1.5, \
        for [a = 1:2] for [b = 1:2] summary \
            using (column("layer") + 0.12 * (b - 1.5)):(pick(a, b, shown(column(q)))):(pick(a, b, shown(column(q) - column(q."_sd")))):(pick(a, b, shown(column(q) + column(q."_sd")))) \
            with yerrorbars linecolor rgb colours[a] pointtype (b == 2 ? 6 : 7) pointsize 0.6
    unset label 1
    unset label 40
    do for [k = 21:25] { unset label k }
}
unset logscale y
set format y "% h"

number(x) = abs(x) >= 1000 || (x != 0 && abs(x) < 0.01) ? gprintf("%.0t·10^{%T}", x) : sprintf("%.2g", x)
# one row of small histograms for each network
unset key
unset xlabel
unset grid
set border 1
set style fill solid 0.75 noborder
set tics scale 0.4
unset ytics
shown = depth < 10 ? depth : 10
left = 0.065
cell = (0.985 - left) / shown
row = 0
do for [a = 1:2] {
    do for [b = 1:2] {
        top = 0.515 - row * 0.125
        set label 2 label(a, b) at screen 0.012, top - 0.042 center rotate by 90 textcolor rgb colours[a] font ",10"
        do for [k = 1:shown] {
            layer = int(ceil(k * depth / real(shown)))
            set lmargin at screen left + (k - 1) * cell + 0.008
            set rmargin at screen left + k * cell - 0.008
            set tmargin at screen top
            set bmargin at screen top - 0.085
            set title (row == 0 ? sprintf("layer %d", layer) : "") offset 0, -0.6 font ",11"
            here(y) = strcol("activation") eq activations[a] && strcol("batch_norm") eq norms[b] \
                && column("layer") == layer ? y : NaN
            set xrange [*:*]
            set yrange [*:*]
            stats histogram using (here(column("lower"))) nooutput
            lower = STATS_min
            stats histogram using (here(column("upper"))) nooutput
            upper = STATS_max
            set xrange [lower:upper]
            # the zeros of a ReLU would flatten all else: their bar is cut
            stats histogram using (here(column("count"))) nooutput
            tallest = STATS_max
            stats histogram using (column("lower") > 0 ? here(column("count")) : NaN) nooutput
            if (lower == 0 && STATS_max > 0 && 1.4 * STATS_max < tallest) { tallest = 1.4 * STATS_max }
            set yrange [0:1.05 * tallest]
            unset xtics
            set xtics (lower < 0 || k == 1 ? number(lower) : "" lower, number(upper) upper) font ",8"
            plot histogram using (here(0.5 * (column("lower") + column("upper")))):(here(column("count"))):(here(column("upper") - column("lower"))) \
                with boxes linecolor rgb colours[a]
            unset label 2
        }
        row = row + 1
    }
}
unset multiplot
