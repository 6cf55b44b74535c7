# Picks columns out of what h5tsv prints of a training study, with numbers to five digits.
# awk -v columns="batch point iteration ..." [-v end=1] -f summary.awk
# A column `last` is 1 in the last evaluation of each position along the study's axes, which stand
# before `point`; evaluations that were not made are left out. With end=1: only the last evaluation
# that any position reached, missing where a run had left the finite numbers before.
BEGIN {
    FS = OFS = "\t"
    count = split(columns, names, " ")
}

# Of two columns of one name the later is the variable itself, the earlier a deviation over the runs.
FNR == 1 {
    for (k = 1; k <= NF; k++)
        place[$k] = k
    for (k = 1; k <= count; k++) {
        if (!(names[k] in place)) {
            print "summary.awk: no column " names[k] >"/dev/stderr"
            failed = 1
            exit 1
        }
        printf "%s\t", names[k]
    }
    print "last"
    next
}

{
    made = $place["iteration"] != "NA"
    if (!made && !end)
        next
    if (made && $place["point"] > latest)
        latest = $place["point"]
    position = ""
    for (k = 1; k < place["point"]; k++)
        position = position $k SUBSEP
    line = ""
    for (k = 1; k <= count; k++) {
        value = $place[names[k]]
        digits = place[names[k]] > place["point"] && value !~ /^(NA|-?inf)$/
        line = line (digits ? sprintf("%.5g", value) : value) OFS
    }
    lines[++rows] = line
    positions[rows] = position
    points[rows] = $place["point"]
    final[position] = rows
}

END {
    if (failed)
        exit 1
    for (k = 1; k <= rows; k++)
        if (!end)
            print lines[k] (final[positions[k]] == k)
        else if (points[k] == latest)
            print lines[k] 1
}
