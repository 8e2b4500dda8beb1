"""`python planted_worker.py PLANT [ARGUMENTS]`: a worker of the settings in the environment, with a fault planted."""

from __future__ import annotations

import os
import sys

from planting import PLANTS

from riskwatch.agents.settings import Settings
from riskwatch.agents.worker import main_worker
from riskwatch.streams.connecting import security_from

if __name__ == "__main__":
    PLANTS[sys.argv[1]](*sys.argv[2:])
    main_worker(Settings(), security_from(os.environ))
