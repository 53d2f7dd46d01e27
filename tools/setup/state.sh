# What is set up, and whether it still fits its inputs. Sourced by ilw and setup.sh; changes nothing.
# Expects ILW_ROOT. Each stage leaves a stamp holding the fingerprint of what it was made from.
# shellcheck shell=sh

ILW_VENV=$ILW_ROOT/.venv
ILW_STAMPS=$ILW_VENV/ilw_stamps

# The set-up script of an installed ROS 2 (Jazzy or later), or nothing. ILW_ROS=pypi ignores it.
installed_ros() {
    [ "${ILW_ROS:-}" != pypi ] || return 0
    # Prefixes with a pyvenv.cfg are environments such as ours, from a shell that sourced one.
    echo "${AMENT_PREFIX_PATH:-}" | tr ':' '\n' | while read -r prefix; do
        [ -f "$prefix/share/rclpy/package.xml" ] && [ ! -e "$prefix/pyvenv.cfg" ] || continue
        for script in "$prefix/setup.bash" "$prefix/../setup.bash"; do
            if [ -f "$script" ]; then echo "$script"; break; fi
        done
        break
    done | grep . && return 0
    for distro in jazzy kilted lyrical rolling; do
        script=${ILW_ROS_BASE:-/opt/ros}/$distro/setup.bash
        if [ -f "$script" ]; then echo "$script"; return 0; fi
    done
}

ILW_ROS_SCRIPT=$(installed_ros)

# What was chosen: "robot" without what trains and simulates, or nothing: all.
chosen_variant() { cat "$ILW_ROOT/.ilw_variant" 2> /dev/null || true; }
ILW_VARIANT=$(chosen_variant)

fingerprint_venv() {
    echo "$ILW_ROOT ${ILW_ROS_SCRIPT:-pypi}${ILW_VARIANT:+ $ILW_VARIANT}"
}

fingerprint_packages() {
    fingerprint_venv
    cat "$ILW_ROOT"/requirements/lock*.txt ${ILW_VARIANT:+"$ILW_ROOT/requirements/robot.txt"} \
        | sha256sum
}

fingerprint_mend() {
    fingerprint_packages
    sha256sum < "$ILW_ROOT/tools/setup/mend.py"
}

# Contents of what is compiled or copied; only the names of the rest, which is linked.
fingerprint_build() {
    fingerprint_mend
    (
        cd "$ILW_ROOT"
        find src launch tools/setup/missing_ros -type f \( -name '*.msg' -o -name '*.srv' -o -name '*.action' \
            -o -name package.xml -o -name CMakeLists.txt -o -name setup.py -o -name setup.cfg \) \
            -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
        find src launch -name __pycache__ -prune -o -type f \
            \( ! -name '*.py' -o -name '*.launch.py' \) -print | LC_ALL=C sort
    ) | sha256sum
}

fingerprint_environment() {
    fingerprint_build
    sha256sum < "$ILW_ROOT/tools/setup/env_file.py"
}

# True if stage $1 was finished with the inputs it has now.
is_done() {
    [ -f "$ILW_STAMPS/$1" ] && [ "$(cat "$ILW_STAMPS/$1")" = "$("fingerprint_$1")" ]
}

# True if every stage is done. The last fingerprint contains all others.
is_current() {
    [ -x "$ILW_VENV/bin/python" ] && [ -f "$ILW_VENV/ilw_env.sh" ] \
        && [ -d "$ILW_ROOT/build" ] && [ -d "$ILW_ROOT/install" ] && is_done environment
}
