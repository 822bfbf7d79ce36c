"""What the tests of a run did: live, as each one ends, and from the JUnit file at the end."""

from runyard.services.ci.report.case import Outcome, Summary, TestCase, summarize
from runyard.services.ci.report.junit import BadReport, ReportLimits, read_junit
from runyard.services.ci.report.live import CHANNEL_VARIABLE, PLUGIN, PLUGIN_NAME, LiveResults

__all__ = [
    "CHANNEL_VARIABLE",
    "PLUGIN",
    "PLUGIN_NAME",
    "BadReport",
    "LiveResults",
    "Outcome",
    "ReportLimits",
    "Summary",
    "TestCase",
    "read_junit",
    "summarize",
]
