"""`python -m runvitals` is the command `runvitals`."""

import sys

from runvitals.cli import main

if __name__ == "__main__":
    sys.exit(main())
