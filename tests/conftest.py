"""What every test shares: how hypothesis draws, and a blob with each failure that replays it.

A desk draws new cases every run, and finds what nobody thought of; CI draws the same ones every time, so that a change
is judged by what it changed. `HYPOTHESIS_PROFILE=deep` draws two thousand cases a law.
"""

import os
import signal

from hypothesis import settings

# Deadlines measure the machine, not the code. `--hypothesis-seed=N` and the printed blob replay a failure.
settings.register_profile("suite", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("deep", deadline=None, print_blob=True, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "suite"))

# A shell hands "ignore SIGINT" on to what it starts in the background, and we would to programs whose Ctrl-C is tried.
signal.signal(signal.SIGINT, signal.default_int_handler)
