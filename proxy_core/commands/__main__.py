"""`python -m proxy_core.commands` prints the README's section on commands."""

import sys

from proxy_core.commands.table import markdown

sys.stdout.write(markdown())
