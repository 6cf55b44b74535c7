# What the figures of the training studies share. Reads TERMINAL, OUTPUT, WIDTH, HEIGHT and summary,
# the file that all is drawn from.
load "plots/style.gp"
array palette7[7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#777777"]
training_colour = "#0072B2"
validation_colour = "#D55E00"

# The different values of a column, in order, between spaces; and which of them a text is.
values(name) = system(sprintf("awk -F'\\t' -v name=%s 'NR == 1 { for (k = 1; k <= NF; k++) if ($k == name) c = k; next } !seen[$c]++ { printf \"%%s \", $c }' %s", name, summary))
index(list, text) = sum [k = 1:words(list)] (word(list, k) eq text ? k : 0)
# y in the rows where the column is that value, else nothing
at(name, value, y) = strcol(name) eq value ? y : NaN
# The last evaluations alone, as a file to plot from
ends = sprintf("< awk -F'\\t' 'NR == 1 || $NF == 1' %s", summary)
small = TERMINAL eq "svg" ? ",11" : ",8.5"
percent(name) = 100 * column(name)
# The deviation over the runs, which one run alone does not have: no bar and no band then
deviation(name) = column(name."_sd") >= 0 ? column(name."_sd") : 0
low(name) = percent(name) - 100 * deviation(name)
high(name) = percent(name) + 100 * deviation(name)
greater(a, b) = a > b ? a : b
# The least value of a column above 0, and the number of rows that have one
least(name) = real(system(sprintf("awk -F'\\t' -v name=%s 'NR == 1 { for (k = 1; k <= NF; k++) if ($k == name) c = k; next } $c != \"NA\" && $c + 0 > 0 && (!n++ || $c + 0 < m) { m = $c + 0 } END { print n ? m : 0 }' %s", name, summary)))

# Panel k of n in a row, by its edges.
left(k, n) = 0.065 + (k - 1) * (0.975 / n)
right(k, n) = left(k, n) + 0.975 / n - 0.055
set tmargin at screen 0.83
set bmargin at screen 0.235
set style fill transparent solid 0.18 noborder
set bars 0.6
set xlabel textcolor "#444444"
set ylabel textcolor "#444444" offset 0.8, 0
unset key
