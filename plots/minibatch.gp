# The loss of training by stochastic, mini-batch and batch gradient descent: by update, epoch, second.
# gnuplot -c minibatch.gp svg|png OUTPUT SUMMARY.tsv
TERMINAL = ARG1
OUTPUT = ARG2
summary = ARG3
WIDTH = 1200
HEIGHT = 480
load "plots/training.gp"

batches = values("batch")
timed = least("seconds") > 0
floor_ = 0.6 * least("train_loss")
# what passed before the first update, such as the reading of the data, is none of training's
start(k) = real(system(sprintf("awk -F'\\t' -v value=%s 'NR == 1 { for (k = 1; k <= NF; k++) c[$k] = k; next } $c[\"batch\"] == value { print $c[\"seconds\"]; exit }' %s", word(batches, k), summary)))
array starts[words(batches)]
do for [k = 1:words(batches)] { starts[k] = timed ? start(k) : 0 }
abscissa(panel, k) = panel == 1 ? (column("iteration") > 0 ? column("iteration") : NaN) \
    : panel == 2 ? column("epoch") : (column("seconds") > starts[k] ? column("seconds") - starts[k] : NaN)

set multiplot
set label 1 "A mini-batch of 32 learns as much by the epoch as single samples do, and far more by the second" at screen 0.5, 0.95 center font ",17" textcolor "#222222"
set label 2 "line: loss on training samples; band: mean and standard deviation of the mini-batches' losses between two evaluations" at screen 0.98, 0.045 right textcolor "#888888" font small
do for [k = 1:words(batches)] {
    set label 10 + k "●  b = ".word(batches, k) at screen 0.065 + (k - 1) * 0.09, 0.045 textcolor rgb palette7[k]
}
if (!timed) { set label 3 "by the clock: run with --clock" at screen 0.5 * (left(3, 3) + right(3, 3)), 0.53 center textcolor "#888888" }
set logscale y
set format y "10^{%T}"
set yrange [floor_:4]
array names[3] = ["updates", "epochs", "seconds"]
array titles[3] = ["by update", "by epoch", "by the clock"]
do for [panel = 1:(timed ? 3 : 2)] {
    set lmargin at screen left(panel, 3)
    set rmargin at screen right(panel, 3)
    set title titles[panel]
    set xlabel names[panel]
    if (panel == 1) { set ylabel "cross-entropy (nats)" } else { unset ylabel }
    if (panel == 2) { unset logscale x; set format x "%h" } else { set logscale x; set format x "10^{%T}" }
    plot for [k = 1:words(batches)] summary \
            using (at("batch", word(batches, k), abscissa(panel, k))):(at("batch", word(batches, k), greater(floor_, column("batch_loss") - column("batch_loss_spread")))):(column("batch_loss") + column("batch_loss_spread")) \
            with filledcurves linecolor rgb palette7[k], \
        for [k = 1:words(batches)] summary \
            using (at("batch", word(batches, k), abscissa(panel, k))):(at("batch", word(batches, k), column("train_loss"))) \
            with linespoints linecolor rgb palette7[k] linewidth 1.6 pointtype 7 pointsize 0.3
    do for [k = 1:19] { unset label k }
}
unset multiplot
