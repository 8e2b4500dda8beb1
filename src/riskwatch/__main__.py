"""`python -m riskwatch` is `riskwatch`."""

from riskwatch.cli import main

main()
