"""Command line: `python -m tools.sample_events`."""

import sys

from .events import main

sys.exit(main())
