# Accuracies at the end over a grid of initializers and one number, as colours and figures.
# gnuplot -c heat.gp svg|png OUTPUT SUMMARY.tsv COLUMN ACCURACY TITLE [PANELS]
# COLUMN: the axis from left to right; PANELS: the axis that has one panel a value. Without PANELS six
# times the depth_scale is marked in each row.
TERMINAL = ARG1
OUTPUT = ARG2
summary = ARG3
across = ARG4
accuracy = ARG5
title = ARG6
panels = ARG7
WIDTH = 1200
HEIGHT = 500
load "plots/training.gp"

columns = values(across)
rows = values("initializer")
parts = panels eq "" ? "all" : values(panels)
theory = panels eq ""
nx = words(columns)
ny = words(rows)
finite(name) = column(name) >= 0
colour(v) = v > 0.55 ? 0xffffff : 0x222222
# where a number lies among the columns, between two of them by its logarithm, at most at the edges
between(v, k) = (log(v) - log(real(word(columns, k)))) / (log(real(word(columns, k + 1))) - log(real(word(columns, k))))
inside(v, k) = real(word(columns, k)) <= v && v < real(word(columns, k + 1))
among(v) = v < real(word(columns, 1)) ? 0.5 : v >= real(word(columns, nx)) ? nx + 0.5 \
    : sum [k = 1:nx - 1] (inside(v, k) ? k + between(v, k) : 0)
scale(name) = strcol(name) eq "inf" ? nx + 0.5 : among(6 * column(name))

set multiplot
set label 1 title at screen 0.5, 0.955 center font ",17" textcolor "#222222"
note = theory ? "training accuracy (%); orange: six depth scales of theory (at an edge: beyond it), as far as two inputs can be told apart" : "validation accuracy (%); ×: a run left the finite numbers"
set label 2 note at screen 0.98, 0.035 right textcolor "#777777" font small
set palette defined (0 "#f4f8fc", 0.25 "#c6dbef", 0.5 "#6baed6", 0.75 "#2171b5", 1 "#08306b")
set cbrange [0:1]
unset colorbox
unset grid
set border 0
set tics scale 0
set xrange [0.5:nx + 0.5]
set yrange [0.5:ny + 0.5]
set style fill solid 1 noborder
set bmargin at screen 0.2
set xtics ("" 0)
do for [k = 1:nx] { set xtics add (word(columns, k) k) }
from = 0.175
breadth = (0.985 - from) / words(parts)
do for [p = 1:words(parts)] {
    set lmargin at screen from + (p - 1) * breadth
    set rmargin at screen from + p * breadth - 0.02
    if (!theory) { set title (panels eq "batch_norm" ? "batch norm " : "").word(parts, p) noenhanced }
    set xlabel (across eq "rate" ? "learning rate" : across eq "depth" ? "hidden layers" : across)
    set ytics ("" 0)
    if (p == 1) { do for [k = 1:ny] { set ytics add (word(rows, k) k) } }
    set ytics noenhanced
    here(y) = theory ? y : (strcol(panels) eq word(parts, p) ? y : NaN)
    plot summary using (index(columns, strcol(across))):(here(index(rows, strcol("initializer")))):(0.485):(0.47):(column(accuracy)) with boxxyerror linecolor palette, \
        summary using (index(columns, strcol(across))):(here(index(rows, strcol("initializer")))):(finite(accuracy) ? sprintf("%.0f", percent(accuracy)) : ""):(colour(column(accuracy))) with labels textcolor rgb variable, \
        summary using (index(columns, strcol(across))):(here(finite(accuracy) ? NaN : index(rows, strcol("initializer")))) with points pointtype 2 pointsize 1.3 linewidth 2 linecolor rgb "#D55E00", \
        summary using (scale("depth_scale")):(theory ? index(rows, strcol("initializer")) - 0.47 : NaN):(0):(0.27) with vectors nohead linewidth 4 linecolor rgb "#E69F00", \
        summary using (scale("depth_scale")):(theory ? index(rows, strcol("initializer")) + 0.2 : NaN):(0):(0.27) with vectors nohead linewidth 4 linecolor rgb "#E69F00"
    do for [k = 1:9] { unset label k }
}
unset multiplot
