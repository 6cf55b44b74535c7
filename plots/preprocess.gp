# Validation accuracy by epoch for each transform of the images, and the error at the end.
# gnuplot -c preprocess.gp svg|png OUTPUT SUMMARY.tsv
TERMINAL = ARG1
OUTPUT = ARG2
summary = ARG3
WIDTH = 1200
HEIGHT = 480
load "plots/training.gp"

transforms = values("transform")
n = words(transforms)
set multiplot
set label 1 "Preprocessing: scaling up what hardly varies (standardize, whiten) costs accuracy" at screen 0.5, 0.95 center font ",17" textcolor "#222222"
set label 2 "mean of the runs and the standard deviation of a run" at screen 0.98, 0.045 right textcolor "#888888" font small
do for [k = 1:n] {
    set label 10 + k "●  ".word(transforms, k) at screen 0.065 + (k - 1) * 0.1, 0.045 noenhanced textcolor rgb palette7[k]
}
set lmargin at screen left(1, 2)
set rmargin at screen right(1, 2)
set title "validation accuracy while training"
set xlabel "epochs"
set ylabel "validation accuracy (%)"
# the first evaluations would press the others together
stats ends using (percent("validation_accuracy")) nooutput
set yrange [STATS_min - 6:100]
plot for [k = 1:n] summary using (column("epoch")):(at("transform", word(transforms, k), low("validation_accuracy"))):(high("validation_accuracy")) \
        with filledcurves linecolor rgb palette7[k], \
    for [k = 1:n] summary using (column("epoch")):(at("transform", word(transforms, k), percent("validation_accuracy"))) \
        with lines linecolor rgb palette7[k] linewidth 1.8
do for [k = 1:19] { unset label k }

set lmargin at screen left(2, 2)
set rmargin at screen right(2, 2)
set title "errors at the end"
unset xlabel
set ylabel "predicted wrong (%)"
set xrange [0.4:n + 0.6]
set yrange [0:*]
set offsets 0, 0, 1.2, 0
set xtics ("" 0) scale 0
do for [k = 1:n] { set xtics add (word(transforms, k) k) }
set xtics noenhanced font small
set style fill solid 0.85 noborder
set boxwidth 0.36
wrong(name) = 100 - percent(name)
set label 3 "left: of training, pale   right: of validation" at graph 0.02, 0.95 textcolor "#666666" font small
plot for [k = 1:n] ends using (k - 0.2):(at("transform", word(transforms, k), wrong("train_accuracy"))) \
        with boxes fillstyle solid 0.3 linecolor rgb palette7[k], \
    for [k = 1:n] ends using (k + 0.2):(at("transform", word(transforms, k), wrong("validation_accuracy"))) \
        with boxes linecolor rgb palette7[k], \
    for [k = 1:n] ends using (k - 0.2):(at("transform", word(transforms, k), 100 - high("train_accuracy"))):(0):(200 * deviation("train_accuracy")) \
        with vectors nohead linewidth 1.5 linecolor rgb "#444444", \
    for [k = 1:n] ends using (k + 0.2):(at("transform", word(transforms, k), 100 - high("validation_accuracy"))):(0):(200 * deviation("validation_accuracy")) \
        with vectors nohead linewidth 1.5 linecolor rgb "#444444", \
    for [k = 1:n] ends using (k + 0.2):(at("transform", word(transforms, k), wrong("validation_accuracy"))):(sprintf("%.1f", wrong("validation_accuracy"))) \
        with labels offset 0, 1.3 textcolor "#222222" font small
unset multiplot
