"""What hangs behind the meter: power and exact energy at any instant, without walking there.

A load is a pure value, shared by whatever asks. Its energies are one cumulative function of true time, in
watt-milliseconds since an instant long ago; what a meter counts is a difference of it, so one jump equals many steps.
"""

from emulator.load.base import ENERGIES, Energies, Load, Power
from emulator.load.table import load_from_table

__all__ = ["ENERGIES", "Energies", "Load", "Power", "load_from_table"]
