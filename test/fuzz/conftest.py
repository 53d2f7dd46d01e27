"""The fuzz targets live beside the other tools; the tests here give them a little of it."""

import os
from pathlib import Path
import sys

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
sys.path.append(str(Path(__file__).resolve().parents[2] / 'tools'))
