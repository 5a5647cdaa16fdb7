"""What scripts of commands work with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.command.command import Commands
from gateway.command.firmware_job import Images
from gateway.command.key_job import Rotation
from gateway.polling.report import Report
from gateway.polling.schedule import ReadPlan


@dataclass(slots=True, kw_only=True)
class Tools:
    """What a script of a command works with."""

    commands: Commands
    report: Report
    observe_after_ms: int = 2_000
    clock_limit_ms: int = 60_000
    plans: Mapping[str, ReadPlan] = field(default_factory=dict)
    """How the meter's profiles are read, for `sync`."""
    images: Images = field(default=lambda _name: None)
    """Firmware images by name."""
    rotation: Rotation | None = None
    """The meter's keys, for `rotate_keys`."""
