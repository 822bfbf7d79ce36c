"""What an agent works in: ``async with Workspaces(...).open(ctx, order) as workspace``."""

from runyard.services.sessions.commands import ToolResult
from runyard.services.sessions.errors import WorkspaceFailed
from runyard.services.sessions.survey import SurveyFailed
from runyard.services.sessions.workspace.opening import Workspaces
from runyard.services.sessions.workspace.workspace import Workspace

__all__ = ["SurveyFailed", "ToolResult", "Workspace", "WorkspaceFailed", "Workspaces"]
