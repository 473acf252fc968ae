"""`python -m sipconform`."""

import sys

from sipconform.cli import main

sys.exit(main())
