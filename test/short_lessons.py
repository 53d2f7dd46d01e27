"""Commands over real nodes, and a policy of so few demonstrations that a person has to help it."""

import json
import subprocess
import sys

CONFIG = """
algorithm: bc
base: bc
updates: 600
candidates: 1
eval_episodes: 3
"""


def ilw(*words):
    """Run a command with ``--json`` and return what it prints."""
    done = subprocess.run([sys.executable, '-m', 'ilw_bringup.cli', *map(str, words), '--json'],
                          capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def taught_briefly(folder):
    """Return the run of a short demo, and the file of a short training."""
    ilw('demo', '--episodes', 4, '--episodes-eval', 1, '--runs', folder / 'first')
    config = folder / 'short.yaml'
    config.write_text(CONFIG)
    return next((folder / 'first').iterdir()), config
