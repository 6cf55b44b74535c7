# Training and validation accuracy against the strength of the L2 penalty, and the losses of three.
# gnuplot -c regularize.gp svg|png OUTPUT SUMMARY.tsv
TERMINAL = ARG1
OUTPUT = ARG2
summary = ARG3
WIDTH = 1200
HEIGHT = 480
load "plots/training.gp"

strengths = values("l2")
n = words(strengths)
weakest = least("l2")
# no penalty has its place a decade below the weakest
place(l2) = l2 > 0 ? l2 : 0.1 * weakest
set multiplot
set label 1 "The L2 penalty closes the gap between training and validation by giving training up" at screen 0.5, 0.95 center font ",17" textcolor "#222222"
set label 2 "mean of the runs and the standard deviation of a run" at screen 0.98, 0.045 right textcolor "#888888" font small
set label 3 "●  training" at screen 0.065, 0.045 textcolor rgb training_colour
set label 4 "■  validation" at screen 0.15, 0.045 textcolor rgb validation_colour
set lmargin at screen left(1, 2)
set rmargin at screen right(1, 2)
set title "accuracy at the end; shaded: the gap"
set xlabel "strength of the L2 penalty"
set ylabel "predicted right (%)"
set logscale x
set xrange [0.06 * weakest:*]
set offsets 0, graph 0.04, 0, 0
set yrange [0:105]
set format x "10^{%T}"
set xtics 10
set xtics add ("0" 0.1 * weakest)
unset mxtics
plot ends using (place(column("l2"))):(percent("validation_accuracy")):(percent("train_accuracy")) with filledcurves linecolor "#777777", \
    ends using (place(column("l2"))):(percent("train_accuracy")) with linespoints linecolor rgb training_colour linewidth 1.5 pointtype 7 pointsize 0.7, \
    ends using (place(column("l2"))):(percent("validation_accuracy")) with linespoints linecolor rgb validation_colour linewidth 1.5 pointtype 5 pointsize 0.7, \
    ends using (place(column("l2"))):(percent("train_accuracy")):(100 * deviation("train_accuracy")) with yerrorbars linecolor rgb training_colour pointtype 7 pointsize 0.7, \
    ends using (place(column("l2"))):(percent("validation_accuracy")):(100 * deviation("validation_accuracy")) with yerrorbars linecolor rgb validation_colour pointtype 5 pointsize 0.7
do for [k = 1:9] { unset label k }

# none, the middle one, and the last but one: the last lets nothing be learned
array shown[3] = [1, (n + 1) / 2, greater(1, n - 1)]
set offsets 0, 0, 0, 0
unset logscale x
set logscale y
set format x "%h"
set format y "10^{%T}"
stats summary using (column("epoch")) nooutput
set xtics STATS_max / 2
set xrange [0:STATS_max]
set yrange [0.7 * least("train_loss"):3]
do for [panel = 1:3] {
    l2 = word(strengths, shown[panel])
    set lmargin at screen 0.56 + (panel - 1) * 0.147
    set rmargin at screen 0.56 + (panel - 1) * 0.147 + 0.125
    set title "loss at L2 = ".l2
    set xlabel "epochs"
    if (panel == 1) { set ylabel "cross-entropy (nats)" } else { unset ylabel; set format y "" }
    plot summary using (column("epoch")):(at("l2", l2, column("train_loss") - deviation("train_loss"))):(column("train_loss") + deviation("train_loss")) with filledcurves linecolor rgb training_colour, \
        summary using (column("epoch")):(at("l2", l2, column("validation_loss") - deviation("validation_loss"))):(column("validation_loss") + deviation("validation_loss")) with filledcurves linecolor rgb validation_colour, \
        summary using (column("epoch")):(at("l2", l2, column("train_loss"))) with lines linecolor rgb training_colour linewidth 1.8, \
        summary using (column("epoch")):(at("l2", l2, column("validation_loss"))) with lines linecolor rgb validation_colour linewidth 1.8
}
unset multiplot
