"""Meter models: one TOML a meter, loaded into frozen values that both programs run from."""

from protocols.model.loader import load, load_file, model_ids
from protocols.model.meter_model import MeterModel
from protocols.model.table import ModelError

__all__ = ["MeterModel", "ModelError", "load", "load_file", "model_ids"]
