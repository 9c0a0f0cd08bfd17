"""`python -m auditlens`: the command line, where the installed command is not on the path."""

import sys

from auditlens.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
