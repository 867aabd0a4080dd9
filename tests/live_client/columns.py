"""A column as the scripted server defines it."""

from __future__ import annotations

from analyzer.protocol.records.resultset import ColumnDefinition41

COLUMN = ColumnDefinition41("def", "", "", "", "1", "", None, 12, 63, 2, 8, 0x81, 0)
