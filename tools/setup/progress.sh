# Run a long step with its output in a log, and show on standard error that it goes on.
# shellcheck shell=bash

# with_progress TITLE LOG COMMAND...: returns the command's exit code, or 130 when interrupted.
with_progress() {
    local title=$1 log=$2 began=$SECONDS child code=0
    shift 2
    # A process group of its own, so that an interruption ends the compilers too.
    set -m
    ( set -e; "$@" ) >> "$log" 2>&1 < /dev/null 9<&- &
    child=$!
    set +m
    # shellcheck disable=SC2064
    trap "kill -TERM -- -$child 2>/dev/null; wait $child 2>/dev/null; echo >&2; exit 130" INT TERM HUP
    if [ -t 2 ]; then
        while kill -0 "$child" 2>/dev/null; do
            printf '\r\033[K%s: %d s' "$title" $((SECONDS - began)) >&2
            sleep 0.5
        done
        printf '\r\033[K' >&2
    else
        echo "$title" >&2
    fi
    wait "$child" || code=$?
    trap - INT TERM HUP
    if [ "$code" -eq 0 ]; then echo "$title: done in $((SECONDS - began)) s" >&2; fi
    return "$code"
}
