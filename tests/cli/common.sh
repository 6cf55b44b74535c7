# What the scripts that try the programs share. Sourced, with `program` the path of the program and
# `name` what its messages begin with; the command's output is left in the files out and err.
passed=0 failed=0

verdict() { # verdict TITLE PROBLEMS
    if [ -z "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL %s:%s\n' "$1" "$2"
        printf '    stderr: %s\n' "$(head -n 3 err)"
    fi
}

check() { # check TITLE COMMAND...: the command holds
    local title=$1
    shift
    if "$@" >/dev/null 2>&1; then verdict "$title" ''; else verdict "$title" ' does not hold'; fi
}

run() { # run OPTION...: the program, for a minute at most (124: it hung); its exit code
    timeout --kill-after=5 60 "$program" "$@" >out 2>err </dev/null
}

# How the last command failed: code, one line that begins with the name, silence on stdout.
failed_well() { # failed_well TITLE FOUND-CODE CODE PATTERN
    local problems=
    [ "$2" -eq "$3" ] || problems+=" exit $2, expected $3;"
    [ "$(wc -l <err)" -eq 1 ] || problems+=" $(wc -l <err) lines on stderr;"
    grep -q "^$name: " err || problems+=' stderr does not begin with the name;'
    grep -Eq -- "$4" err || problems+=" stderr does not say '$4';"
    [ ! -s out ] || problems+=' something on stdout;'
    verdict "$1" "$problems"
}

refuses() { # refuses CODE PATTERN OPTION...: and leaves nothing called made*, nor results
    local code=$1 pattern=$2
    shift 2
    run "$@"
    failed_well "$*" $? "$code" "$pattern"
    if compgen -G 'made*' >/dev/null || [ -e results ]; then
        verdict "$*" ' left a file behind'
        rm -rf made* results
    fi
}

succeeds() { # succeeds OPTION...: exit code 0; out and err are left for a look
    run "$@"
    local found=$?
    if [ $found -eq 0 ]; then verdict "$*" ''; else verdict "$*" " exit $found, expected 0"; fi
}

report() { # report: the count, as the script's exit code
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
