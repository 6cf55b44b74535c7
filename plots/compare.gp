# All schemes side by side: standard deviation of the activations, and of the gradients on the way
# back, by layer. Points: means over the runs, with the deviation of a run; line and band: theory's.
# gnuplot -c compare.gp svg|png OUTPUT RESULTS_FOLDER
TERMINAL = ARG1
OUTPUT = ARG2
WIDTH = 1200
HEIGHT = 700
load "plots/style.gp"
folder = ARG3

array activations[2] = ["tanh", "relu"]
array names[2] = ["tanh", "ReLU"]
array norms[2] = ["off", "on"]
array schemes[5] = ["zero", "small", "unit", "xavier", "he"]
array labels[5] = ["w = 0 (all 0: off the scale)", "0.01 randn", "randn", "Xavier: randn / √fan\\_in", "He: randn / √(fan\\_in / 2)"]
array colours[5] = [zero_colour, small_colour, unit_colour, xavier_colour, he_colour]
array points[5] = [2, 6, 4, 7, 5]
array symbols[5] = ["×", "○", "□", "●", "■"]
array places[5] = [0.06, 0.26, 0.40, 0.51, 0.73]
file(s) = sprintf("%s/init-%s.tsv", folder, schemes[s])
depth = 0
alike = 1 # all of one depth
do for [s = 1:5] {
    stats file(s) using (column("layer")) nooutput
    if (s > 1 && STATS_max != depth) { alike = 0 }
    if (STATS_max > depth) { depth = int(STATS_max) }
}

set multiplot
set label 2 "points: measured, with the deviation of a run; line and band: what theory predicts of one run" at screen 0.5, 0.012 center textcolor "#888888" font ",10"
set label 1 "What the first weights of a deep network decide" at screen 0.5, 0.97 center font ",17" textcolor "#222222"
set style fill transparent solid 0.2 noborder
set logscale y
set format y "10^{%T}"
set xrange [-0.3:depth + 0.3]
if (depth < 5) { set xtics 1 }
unset key
do for [s = 1:5] {
    set label 10 + s symbols[s]."  ".labels[s] at screen places[s], 0.055 textcolor rgb colours[s]
}
do for [quantity = 1:2] {
    do for [panel = 0:3] {
        a = panel / 2 + 1
        b = panel % 2 + 1
        pick(y) = strcol("activation") eq activations[a] && strcol("batch_norm") eq norms[b] && y > 0 ? sqrt(y) : NaN
        set lmargin at screen 0.06 + panel * 0.243
        set rmargin at screen 0.06 + panel * 0.243 + 0.19
        set tmargin at screen (quantity == 1 ? 0.89 : 0.49)
        set bmargin at screen (quantity == 1 ? 0.57 : 0.17)
        if (quantity == 1) { set title names[a].(b == 2 ? ", batch norm" : "") } else { unset title }
        if (quantity == 2) { set xlabel "layer (0 is the input)" textcolor "#444444" } else { unset xlabel }
        if (panel == 0) { set ylabel (quantity == 1 ? "std of the activations" : "std of the gradients") textcolor "#444444" } else { unset ylabel }
        if (b == 2 && alike) { set label 9 "all but w = 0 coincide" at graph 0.5, 0.12 center textcolor "#888888" font ",10" }
        # a scheme whose every value is 0 has no place on a logarithmic axis: the key says so
        q = quantity == 1 ? "activation_variance" : "gradient_variance"
        p = "predicted_".q
        plot for [s = 1:5] file(s) using (column("layer")):(pick(column(p) - column(p."_sd"))):(pick(column(p) + column(p."_sd"))) \
                with filledcurves linecolor rgb colours[s], \
            for [s = 1:5] file(s) using (column("layer")):(pick(column(p))) \
                with lines linecolor rgb colours[s] linewidth 1.5, \
            for [s = 1:5] file(s) using (column("layer")):(pick(column(q))):(pick(column(q) - column(q."_sd"))):(pick(column(q) + column(q."_sd"))) \
                with yerrorbars linecolor rgb colours[s] pointtype points[s] pointsize 0.8
        unset label 9
    }
}
unset multiplot
