"""An append-only home for one person's digital life."""

__version__ = "0.1.0"
