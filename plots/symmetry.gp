# Weights that are all alike against drawn ones: units that differ, and training accuracy, by update.
# gnuplot -c symmetry.gp svg|png OUTPUT SUMMARY.tsv
TERMINAL = ARG1
OUTPUT = ARG2
summary = ARG3
WIDTH = 1200
HEIGHT = 760
load "plots/training.gp"

activations = values("activation")
schemes = values("initializer")
n = words(schemes)
array dashes[7] = [2, 1, 1, 3, 4, 5, 2]
stats summary using (column("distinct_units")) nooutput
most = STATS_max
set multiplot
set label 1 "Units that start alike stay alike: a layer of one unit" at screen 0.5, 0.965 center font ",17" textcolor "#222222"
do for [k = 1:n] {
    set label 10 + k "●  ".word(schemes, k) at screen 0.065 + (k - 1) * 0.19, 0.03 noenhanced textcolor rgb palette7[k]
}
do for [row = 1:2] {
    do for [a = 1:words(activations)] {
        set lmargin at screen left(a, words(activations))
        set rmargin at screen right(a, words(activations))
        set tmargin at screen (row == 1 ? 0.88 : 0.46)
        set bmargin at screen (row == 1 ? 0.56 : 0.14)
        here(k, y) = strcol("activation") eq word(activations, a) && strcol("initializer") eq word(schemes, k) ? y : NaN
        if (row == 1) {
            set title word(activations, a)
            unset xlabel
            if (a == 1) { set ylabel "distinct units, hidden layer 1" textcolor "#444444" offset 0.8, 0 } else { unset ylabel }
            set logscale y
            set yrange [0.7:1.5 * most]
            set format y "%g"
            plot for [k = n:1:-1] summary using (column("iteration")):(here(k, column("distinct_units"))) \
                with lines linecolor rgb palette7[k] dashtype dashes[k] linewidth (k == 1 ? 2 : 3)
        } else {
            unset title
            set xlabel "updates" textcolor "#444444"
            if (a == 1) { set ylabel "training accuracy (%)" textcolor "#444444" offset 0.8, 0 } else { unset ylabel }
            unset logscale y
            set yrange [0:105]
            plot for [k = 1:n] summary using (column("iteration")):(here(k, low("train_accuracy"))):(high("train_accuracy")) \
                    with filledcurves linecolor rgb palette7[k], \
                for [k = n:1:-1] summary using (column("iteration")):(here(k, percent("train_accuracy"))) \
                    with lines linecolor rgb palette7[k] linewidth 1.8
        }
        do for [k = 1:19] { unset label k }
    }
}
unset multiplot
