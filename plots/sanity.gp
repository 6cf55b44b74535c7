# Training on ten samples of each class under L2 penalties: loss and accuracy by update.
# gnuplot -c sanity.gp svg|png OUTPUT SUMMARY.tsv
TERMINAL = ARG1
OUTPUT = ARG2
summary = ARG3
WIDTH = 1200
HEIGHT = 480
load "plots/training.gp"

strengths = values("l2")
n = words(strengths)
floor_ = 0.5 * least("train_loss")
set multiplot
set label 1 "A sound net learns its hundred samples by heart, until the L2 penalty forbids it" at screen 0.5, 0.95 center font ",17" textcolor "#222222"
set label 2 "line: loss on the training samples; band: mean and standard deviation of the mini-batches' losses" at screen 0.98, 0.045 right textcolor "#888888" font small
do for [k = 1:n] {
    set label 10 + k "●  L2 = ".word(strengths, k) at screen 0.065 + (k - 1) * 0.085, 0.045 textcolor rgb palette7[k]
}
do for [panel = 1:2] {
    set lmargin at screen left(panel, 2)
    set rmargin at screen right(panel, 2)
    set xlabel "updates"
    if (panel == 1) {
        set title "training loss"
        set ylabel "cross-entropy (nats)"
        set logscale y
        set format y "10^{%T}"
        set yrange [floor_:4]
        plot for [k = 1:n] summary using (column("iteration")):(at("l2", word(strengths, k), greater(floor_, column("batch_loss") - column("batch_loss_spread")))):(column("batch_loss") + column("batch_loss_spread")) \
                with filledcurves linecolor rgb palette7[k], \
            for [k = 1:n] summary using (column("iteration")):(at("l2", word(strengths, k), column("train_loss"))) \
                with lines linecolor rgb palette7[k] linewidth 1.8
    } else {
        set title "training accuracy (lines that coincide are drawn one in the other)"
        set ylabel "predicted right (%)"
        unset logscale y
        set format y "%h"
        set yrange [0:105]
        plot for [k = 1:n] summary using (column("iteration")):(at("l2", word(strengths, k), low("train_accuracy"))):(high("train_accuracy")) \
                with filledcurves linecolor rgb palette7[k], \
            for [k = 1:n] summary using (column("iteration")):(at("l2", word(strengths, k), percent("train_accuracy"))) \
                with lines linecolor rgb palette7[k] linewidth 1.1 * (n - k) + 1.5
    }
    do for [k = 1:19] { unset label k }
}
unset multiplot
