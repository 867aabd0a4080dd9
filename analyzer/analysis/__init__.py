"""Joins net, tls and protocol: connections, timing, outcome, findings."""

from __future__ import annotations

from analyzer.analysis.model.connection import Connection, ConnectionDetail, Source
from analyzer.analysis.pipeline import Analysis, Options, Result

__all__ = ["Analysis", "Connection", "ConnectionDetail", "Options", "Result", "Source"]
