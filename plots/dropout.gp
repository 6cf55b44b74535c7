# Dropout: accuracy against the probability of keeping an activation, and the prediction pass against
# the mean of sampled sub-networks.
# gnuplot -c dropout.gp svg|png OUTPUT SUMMARY.tsv
TERMINAL = ARG1
OUTPUT = ARG2
summary = ARG3
WIDTH = 1200
HEIGHT = 480
load "plots/training.gp"

set multiplot
set label 1 "Dropout: one prediction pass stands for the mean of the sub-networks within a few percent" at screen 0.5, 0.95 center font ",17" textcolor "#222222"
set label 2 "mean of the runs and the standard deviation of a run" at screen 0.98, 0.045 right textcolor "#888888" font small
set label 3 "●  training" at screen 0.065, 0.045 textcolor rgb training_colour
set label 4 "■  validation" at screen 0.15, 0.045 textcolor rgb validation_colour
set label 5 "◆  prediction pass against the mean of sub-networks" at screen 0.27, 0.045 textcolor rgb "#009E73"
set lmargin at screen left(1, 2)
set rmargin at screen right(1, 2)
set title "accuracy at the end; shaded: the gap"
set xlabel "p, the probability that an activation is kept"
set ylabel "predicted right (%)"
stats ends using (column("keep")) name "KEEP" nooutput
set xrange [KEEP_min - 0.03:KEEP_max + 0.03]
stats ends using (low("validation_accuracy")) nooutput
set yrange [STATS_min - 2:101]
plot ends using (column("keep")):(percent("validation_accuracy")):(percent("train_accuracy")) with filledcurves linecolor "#777777", \
    ends using (column("keep")):(percent("train_accuracy")) with linespoints linecolor rgb training_colour linewidth 1.5 pointtype 7 pointsize 0.7, \
    ends using (column("keep")):(percent("validation_accuracy")) with linespoints linecolor rgb validation_colour linewidth 1.5 pointtype 5 pointsize 0.7, \
    ends using (column("keep")):(percent("train_accuracy")):(100 * deviation("train_accuracy")) with yerrorbars linecolor rgb training_colour pointtype 7 pointsize 0.7, \
    ends using (column("keep")):(percent("validation_accuracy")):(100 * deviation("validation_accuracy")) with yerrorbars linecolor rgb validation_colour pointtype 5 pointsize 0.7
do for [k = 1:9] { unset label k }

set lmargin at screen left(2, 2)
set rmargin at screen right(2, 2)
set title "difference of the logits, rms over rms"
set ylabel "difference (%)"
set yrange [0:*]
set label 6 "grey: what the number of sampled sub-networks alone explains" at graph 0.98, 0.95 right textcolor "#666666" font small
plot ends using (column("keep")):(0):(percent("subnetwork_noise")) with filledcurves linecolor "#777777", \
    ends using (column("keep")):(percent("subnetwork_noise")) with lines linecolor "#777777" linewidth 1.5, \
    ends using (column("keep")):(percent("subnetwork_error")) with linespoints linecolor rgb "#009E73" linewidth 1.5 pointtype 13 pointsize 0.9, \
    ends using (column("keep")):(percent("subnetwork_error")):(100 * deviation("subnetwork_error")) with yerrorbars linecolor rgb "#009E73" pointtype 13 pointsize 0.9
unset multiplot
