#!/bin/bash
# Set ILW up: check, venv, packages, mend, build, environment. Each stage is skipped when it was
# finished with the same inputs, so an interrupted set-up goes on where it was.
# Usage: setup.sh [--robot | --full] [--wheelhouse DIR]. Progress on standard error, details in
# log/setup.log.
set -euo pipefail

ILW_ROOT=${ILW_ROOT:-$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)}
HERE=$ILW_ROOT/tools/setup
LOG=$ILW_ROOT/log/setup.log
# shellcheck source=tools/setup/state.sh
. "$HERE/state.sh"
# shellcheck source=tools/setup/progress.sh
. "$HERE/progress.sh"

STAGES=(venv packages mend build environment)
NEEDED_MB=6000
WHEELHOUSE=()
export PYTHONSAFEPATH=1  # nothing of the folder this is called in

stage_venv() {
    rm -rf -- "$ILW_VENV" "$ILW_ROOT/build" "$ILW_ROOT/install"
    local options=()
    [ -z "$ILW_ROS_SCRIPT" ] || options=(--system-site-packages)
    "$PYTHON" -m venv "${options[@]}" "$ILW_VENV"
}

# The lines of the lock that robot.txt names. For evdev an installed ROS's own machine may have a
# package, where PyPI has no wheel.
locked_for_a_robot() {
    local own=''
    if [ -n "$ILW_ROS_SCRIPT" ] && "$ILW_VENV/bin/python" -c 'import evdev' 2> /dev/null; then
        own=evdev-binary
    fi
    awk -v own="$own" '
        FNR == NR { if ($0 !~ /^#/ && $0 != own) wanted[$0] = 1; next }
        /^[A-Za-z0-9]/ { name = $0; sub(/==.*/, "", name); keep = name in wanted }
        keep && !/^#/' "$ILW_ROOT/requirements/robot.txt" "$ILW_ROOT/requirements/lock.txt"
}

stage_packages() {
    local install=("$ILW_VENV/bin/python" -m pip --disable-pip-version-check --no-input install
        --no-deps --require-hashes "${WHEELHOUSE[@]}")
    local lock=$ILW_ROOT/requirements/lock.txt
    if [ "$ILW_VARIANT" = robot ]; then
        lock=$ILW_STAMPS/lock-robot.txt
        locked_for_a_robot > "$lock"
    fi
    local lists=(-r "$ILW_STAMPS/lock.txt")
    if [ -n "$ILW_ROS_SCRIPT" ] && "$ILW_VENV/bin/python" -c 'import numpy'; then
        # The installed ROS was compiled for the installed NumPy: keep that one.
        awk '/^numpy==/ {own = 1} !own; own && !/\\$/ {own = 0}' "$lock" > "$ILW_STAMPS/lock.txt"
    else
        cp -- "$lock" "$ILW_STAMPS/lock.txt"
    fi
    awk '/^(setuptools|wheel)==/ {own = 1} own; own && !/\\$/ {own = 0}' "$lock" \
        > "$ILW_STAMPS/lock-build.txt"
    [ -n "$ILW_ROS_SCRIPT" ] || lists+=(-r "$ILW_ROOT/requirements/lock-ros.txt")
    "$ILW_VENV/bin/python" "$HERE/drop_half_installed.py"
    # A build of torch that this machine keeps in a folder goes before that of the index: pip would
    # take the index's, whose hash it knows without reading the file, and its CUDA parts with it.
    awk '/^torch==/ {own = 1} own; own && !/\\$/ {own = 0}' "$lock" > "$ILW_STAMPS/lock-torch.txt"
    if [ -s "$ILW_STAMPS/lock-torch.txt" ]; then
        "${install[@]}" --no-index -r "$ILW_STAMPS/lock-torch.txt" \
            || echo 'No torch of a locked hash in a folder here.'
    fi
    # The lock is complete, so nothing is left to resolve, and nothing comes in that it does not
    # have the hash of: what builds the few packages without wheels comes from it as well.
    if [ -s "$ILW_STAMPS/lock-build.txt" ]; then
        "${install[@]}" -r "$ILW_STAMPS/lock-build.txt"
    fi
    "${install[@]}" --no-build-isolation "${lists[@]}"
    [ "$ILW_VARIANT" != robot ] || return 0
    # What torch asks for beside that differs between its CPU and its CUDA builds.
    local parts=$ILW_STAMPS/torch_parts.txt round
    for round in 1 2 3 4 5; do
        "$ILW_VENV/bin/python" "$HERE/torch_parts.py" \
            "$ILW_ROOT/requirements/lock-torch-cuda.txt" > "$parts"
        [ -s "$parts" ] || return 0
        "${install[@]}" -r "$parts"
    done
    echo "What torch asks for is still not there after $round rounds: see $parts." >&2
    return 1
}

stage_mend() {
    [ -n "$ILW_ROS_SCRIPT" ] || "$ILW_VENV/bin/python" "$HERE/mend.py"
}

stage_build() {
    local python=$ILW_VENV/bin/python
    (
        set +eu  # ROS's own set-up scripts read unset variables
        unset PYTHONSAFEPATH  # packages run their own setup.py, and it is not called elsewhere
        unset AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH PYTHONPATH
        # shellcheck disable=SC1090
        . "${ILW_ROS_SCRIPT:-$ILW_VENV/setup.bash}"
        set -e
        export VIRTUAL_ENV=$ILW_VENV PATH=$ILW_VENV/bin:$PATH
        export MAKEFLAGS="${MAKEFLAGS:--j$(nproc)}"
        cd "$ILW_ROOT"
        # Links to files that were deleted since the last build would stop this one.
        for folder in build install; do
            [ ! -d "$folder" ] || find "$folder" -xtype l -delete
        done
        # Kernels compiled by an older version name types that this one may call otherwise.
        find src build -name '*.nb[ic]' -delete 2> /dev/null || true
        bases=(src launch)
        # Messages that a ROS installation has and PyPI lacks.
        [ -n "$ILW_ROS_SCRIPT" ] || bases+=(tools/setup/missing_ros)
        local skipped=()
        if [ "$ILW_VARIANT" = robot ]; then
            export ILW_ROBOT=1  # what package.xml leaves out then
            skipped=(--packages-skip ilw_sim ilw_faults ilw_web)
        fi
        "$python" -m colcon build "${skipped[@]}" --base-paths "${bases[@]}" --symlink-install \
            --cmake-args "-DPython3_EXECUTABLE=$python" -DBUILD_TESTING=OFF
    )
}

stage_environment() {
    "$ILW_VENV/bin/python" "$HERE/env_file.py" --venv "$ILW_VENV" \
        --output "$ILW_VENV/ilw_env.sh" "$ILW_ROOT/install/setup.bash"
}

title() {
    case $1 in
        venv) echo 'A private Python environment' ;;
        packages) echo 'Packages (several hundred MB the first time)' ;;
        mend) echo 'Fitting the ROS packages to this machine' ;;
        build) echo 'Building the messages and packages (a minute or two the first time)' ;;
        environment) echo 'Writing down the environment' ;;
    esac
}

still_there() {
    case $1 in
        venv) [ -x "$ILW_VENV/bin/python" ] ;;
        build) [ -d "$ILW_ROOT/build" ] && [ -d "$ILW_ROOT/install" ] ;;
        environment) [ -f "$ILW_VENV/ilw_env.sh" ] ;;
        *) true ;;
    esac
}

run_stage() {
    local number=$1 stage=$2
    # What comes after a stage is no longer valid once the stage has begun.
    (cd "$ILW_STAMPS" 2>/dev/null && rm -f -- "${STAGES[@]:number-1}") || true
    echo "=== $stage, $(date)" >> "$LOG"
    local code made_of
    made_of=$("fingerprint_$stage")  # now: what changes meanwhile is not in it
    set +e  # not `||`: bash would then ignore errors inside the stage as well
    with_progress "[$number/${#STAGES[@]}] $(title "$stage")" "$LOG" "stage_$stage"
    code=$?
    set -e
    [ "$code" -eq 0 ] || failed "$stage"
    mkdir -p -- "$ILW_STAMPS"
    echo "$made_of" > "$ILW_STAMPS/$stage"
}

failed() {
    tail -n 25 -- "$LOG" >&2
    echo "ilw: the set-up stopped at: $(title "$1"). The lines above are the end of $LOG." >&2
    if [ "$1" = packages ]; then
        echo 'ilw: if they speak of connections, this machine cannot reach the package index:' \
            'check the network and pip'"'"'s settings (proxy, index), or use a folder of packages:' \
            './ilw setup --wheelhouse DIR.' >&2
    fi
    echo 'ilw: start again when it is mended; what is finished is not repeated.' >&2
    exit 1
}

only_one_at_a_time() {
    exec 9< "$ILW_ROOT/ilw"
    command -v flock > /dev/null || return 0
    flock -n 9 && return 0
    echo 'ilw: another set-up of this folder is running; waiting for it.' >&2
    flock 9
}

main() {
    local asked=no
    case ${1:-} in
        --robot) asked=robot; shift ;;
        --full) asked=; shift ;;
    esac
    if [ "${1:-}" = --wheelhouse ] && [ -d "${2:-}" ] && [ $# -eq 2 ]; then
        WHEELHOUSE=(--no-index --find-links "$(cd -- "$2" && pwd)")
    elif [ $# -ne 0 ]; then
        echo 'ilw: usage: ./ilw setup [--robot | --full] [--wheelhouse DIR], where DIR is a folder' \
            'of packages. --robot leaves out what trains and simulates.' >&2
        exit 2
    fi
    only_one_at_a_time
    # Another set-up may have chosen meanwhile; what was asked for here stays, whatever comes.
    [ "$asked" = no ] || echo "$asked" > "$ILW_ROOT/.ilw_variant"
    ILW_VARIANT=$(chosen_variant)
    [ "$ILW_VARIANT" != robot ] || NEEDED_MB=2500
    mkdir -p -- "$ILW_ROOT/log"
    : > "$LOG"
    PYTHON=${ILW_PYTHON:-}
    # rclpy of an installed ROS is compiled for the system's Python.
    [ -z "$ILW_ROS_SCRIPT" ] || PYTHON=${PYTHON:-/usr/bin/python3}
    if is_done packages; then NEEDED_MB=500; fi
    PYTHON=$(sh "$HERE/check.sh" "$ILW_ROOT" "$PYTHON" "$NEEDED_MB" ${ILW_ROS_SCRIPT:+any})
    local number=0 stage
    for stage in "${STAGES[@]}"; do
        number=$((number + 1))
        if ! { is_done "$stage" && still_there "$stage"; }; then
            run_stage "$number" "$stage"
        fi
    done
    echo 'ilw: set up.' >&2
}

main "$@"
