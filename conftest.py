"""What the tests of all packages share."""

from hypothesis import settings

pytest_plugins = ("optional_parts",)

# How long an example takes is no law: a loaded machine takes longer.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
