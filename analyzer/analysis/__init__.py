"""Joins net, tls and protocol: connections, timing, outcome, findings."""

from __future__ import annotations

from analyzer.analysis.connection.kinds import Alike
from analyzer.analysis.model.connection import Connection, Source
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.options import AnalysisOptions, Result
from analyzer.analysis.pipeline import Analysis, Told

__all__ = ["Alike", "Analysis", "AnalysisOptions", "Connection", "ConnectionDetail", "Result", "Source", "Told"]
