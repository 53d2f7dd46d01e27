"""Lets these tests import ``arm_drives``."""

from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).parent))
