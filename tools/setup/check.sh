#!/bin/sh
# Say, in one line each, what this machine lacks to set ILW up; exit 2 if anything.
# Usage: check.sh ROOT PYTHON NEEDED_MB [VERSIONS]; PYTHON may be empty: then a fitting one is
# looked for. VERSIONS "any" trusts PYTHON's version: with ROS installed, ROS decides it.
# Prints the Python to use on standard output. It installs nothing.
set -eu

root=$1
python=$2
needed_mb=$3
versions='import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))'
[ "${4:-}" != any ] || versions=''
missing=0

lacks() {
    echo "ilw: missing: $1. $2" >&2
    missing=1
}

apt='On Debian or Ubuntu: sudo apt install'

if [ -z "$python" ]; then
    for candidate in python3 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && "$candidate" -c "$versions" 2>/dev/null; then
            python=$(command -v "$candidate")
            break
        fi
    done
fi

if [ -z "$python" ] || ! "$python" -c "$versions" 2>/dev/null; then
    lacks "Python 3.11 or 3.12${python:+ ($python is not)}" "$apt python3, or name one: ILW_PYTHON=/path/to/python3.11 ./ilw"
else
    "$python" -c 'import ensurepip, venv' 2>/dev/null \
        || lacks "the venv module of $python" "$apt python3-venv"
    header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
    [ -f "$header" ] || lacks "the C headers of $python ($header)" "$apt python3-dev"
fi

for tool in cmake g++ make; do
    command -v "$tool" >/dev/null || lacks "$tool" "$apt $tool"
done
command -v bash >/dev/null || lacks bash "$apt bash"

if command -v df >/dev/null; then
    free_mb=$(df -Pm "$root" | awk 'NR == 2 {print $4}')
    [ "$free_mb" -ge "$needed_mb" ] \
        || lacks "disk space ($needed_mb MB needed, $free_mb MB free)" "Make room in $root."
fi

[ "$missing" -eq 0 ] || exit 2
echo "$python"
