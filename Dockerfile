# ILW on ROS 2 Jazzy (Ubuntu 24.04, Python 3.12): docker build -t ilw . && docker run -it --rm ilw
# PyBullet has no wheel for this Python: it is compiled, about ten minutes, once per change of
# requirements/. With --build-arg VARIANT=--robot what trains and simulates is left out.
FROM ros:jazzy-ros-base

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        cmake g++ make python3-colcon-common-extensions python3-dev python3-venv \
        ros-jazzy-sensor-msgs ros-jazzy-nav-msgs ros-jazzy-tf2-msgs ros-jazzy-diagnostic-msgs \
        ros-jazzy-trajectory-msgs ros-jazzy-lifecycle-msgs ros-jazzy-rmw-fastrtps-cpp \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --shell /bin/bash ilw
USER ilw
WORKDIR /home/ilw/ilw
COPY --chown=ilw . .
ARG VARIANT=
RUN ./ilw setup ${VARIANT:+"$VARIANT"}

# Recordings and policies outlive the container: -v "$PWD/demos:/home/ilw/ilw/demos" and runs.
# Nodes of this machine are heard with --network host; a gamepad with --device /dev/input.
ENTRYPOINT ["./ilw"]
CMD ["demo", "--quick"]
