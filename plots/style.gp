# What all figures share: terminal, colours (Okabe & Ito 2008, told apart by the colour-blind), grid.
# Reads TERMINAL (svg or png), OUTPUT (a file), WIDTH and HEIGHT.
if (TERMINAL eq "svg") {
    set terminal svg size WIDTH, HEIGHT dynamic enhanced font "Helvetica,13" background "#ffffff"
} else {
    set terminal pngcairo size WIDTH, HEIGHT enhanced font "Helvetica,10" background "#ffffff"
}
set output OUTPUT
set datafile separator "\t"
set datafile missing "NA"
set encoding utf8

zero_colour = "#999999"
small_colour = "#0072B2"
unit_colour = "#D55E00"
xavier_colour = "#009E73"
he_colour = "#CC79A7"
tanh_colour = "#0072B2"
relu_colour = "#D55E00"

set border 3 linecolor "#444444"
set tics nomirror textcolor "#444444"
set grid ytics linecolor "#e4e4e4" linetype 1 linewidth 1
