# Training on new classes from the weights of others and from scratch: accuracy by samples, and by
# update for the fewest samples.
# gnuplot -c finetune.gp svg|png OUTPUT SUMMARY.tsv
TERMINAL = ARG1
OUTPUT = ARG2
summary = ARG3
WIDTH = 1200
HEIGHT = 480
load "plots/training.gp"

starts = values("start")
n = words(starts)
samples = values("samples")
array shapes[7] = [7, 5, 9, 13, 11, 6, 4]
array symbols[7] = ["●", "■", "▲", "◆", "▼", "○", "□"]
set multiplot
set label 1 "Weights learned on the digits 0 to 4 help with 5 to 9 while samples are few" at screen 0.5, 0.95 center font ",17" textcolor "#222222"
set label 2 "mean of the runs and the standard deviation of a run" at screen 0.98, 0.045 right textcolor "#888888" font small
do for [k = 1:n] {
    set label 10 + k symbols[k]."  ".word(starts, k) at screen 0.065 + (k - 1) * 0.1, 0.045 noenhanced textcolor rgb palette7[k]
}
set lmargin at screen left(1, 2)
set rmargin at screen right(1, 2)
set title "validation accuracy at the end"
set xlabel "samples of the new classes"
set ylabel "predicted right (%)"
set logscale x
set xtics (word(samples, 1) real(word(samples, 1)))
do for [k = 2:words(samples)] { set xtics add (word(samples, k) real(word(samples, k))) }
set xrange [0.8 * real(word(samples, 1)):1.25 * real(word(samples, words(samples)))]
shift(k) = column("samples") * (1 + 0.03 * (k - 0.5 * (n + 1)))
plot for [k = 1:n] ends using (shift(k)):(at("start", word(starts, k), percent("validation_accuracy"))) \
        with linespoints linecolor rgb palette7[k] linewidth 1.5 pointtype shapes[k] pointsize 0.8, \
    for [k = 1:n] ends using (shift(k)):(at("start", word(starts, k), percent("validation_accuracy"))):(100 * deviation("validation_accuracy")) \
        with yerrorbars linecolor rgb palette7[k] pointtype shapes[k] pointsize 0.8
do for [k = 1:19] { unset label k }

set lmargin at screen left(2, 2)
set rmargin at screen right(2, 2)
set title sprintf("validation accuracy while training on %s samples", word(samples, 1))
set xlabel "updates"
unset logscale x
set xtics auto
set xrange [0:*]
fewest(y) = strcol("samples") eq word(samples, 1) ? y : NaN
plot for [k = 1:n] summary using (column("iteration")):(fewest(at("start", word(starts, k), low("validation_accuracy")))):(high("validation_accuracy")) \
        with filledcurves linecolor rgb palette7[k], \
    for [k = 1:n] summary using (column("iteration")):(fewest(at("start", word(starts, k), percent("validation_accuracy")))) \
        with lines linecolor rgb palette7[k] linewidth 1.8
unset multiplot
