"""The benchmark is a folder of the checkout, not of the installed package: its tests put the checkout on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
