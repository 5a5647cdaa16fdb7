"""What every test shares: how hypothesis draws, and a blob with each failure that replays it."""

import os

from hypothesis import settings

# Deadlines measure the machine, not the code. `--hypothesis-seed=N` and the printed blob replay a failure.
settings.register_profile("suite", deadline=None, print_blob=True)
settings.register_profile("deep", deadline=None, print_blob=True, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
