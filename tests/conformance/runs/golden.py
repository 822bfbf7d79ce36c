"""What programs of the protocol's first generation were made for: they break when any of this changes."""

from __future__ import annotations

from typing import Final, NamedTuple


class Operation(NamedTuple):
    """One operation: where it is, what it takes, and the one answer that means success."""

    method: str
    path: str
    status: str
    answer: str | None = None
    request: str | None = None
    query: str = ""


PAGE: Final = "limit cursor"
W: Final = "/v1/workspaces/{workspaceId}"
STREAM: Final = "text/event-stream"

OPERATIONS: Final = {
    "listWorkspaces": Operation("get", "/v1/workspaces", "200", "WorkspaceListResponse", query=PAGE),
    "getWorkspace": Operation("get", W, "200", "Workspace"),
    "listRuns": Operation("get", f"{W}/runs", "200", "RunListResponse", query=PAGE),
    "startRun": Operation("post", f"{W}/runs", "201", "RunV1", "StartRunRequest"),
    "getRun": Operation("get", f"{W}/runs/{{runId}}", "200", "RunV1"),
    "cancelRun": Operation("post", f"{W}/runs/{{runId}}/cancel", "200", "RunV1"),
    "listRunEvidence": Operation("get", f"{W}/runs/{{runId}}/evidence", "200", "EvidenceEntryListResponse", query=PAGE),
    "listApprovals": Operation("get", f"{W}/approvals", "200", "ApprovalListResponse", query=PAGE),
    "createApproval": Operation("post", f"{W}/approvals", "201", "ApprovalV1", "CreateApprovalRequest"),
    "getApproval": Operation("get", f"{W}/approvals/{{approvalId}}", "200", "ApprovalV1"),
    "decideApproval": Operation(
        "post", f"{W}/approvals/{{approvalId}}/decide", "200", "ApprovalV1", "DecideApprovalRequest"
    ),
    "listEvidenceEntries": Operation(
        "get", f"{W}/evidence", "200", "EvidenceEntryListResponse", query=f"runId planId workItemId category {PAGE}"
    ),
    "listMachines": Operation("get", f"{W}/machines", "200", "MachineListResponse", query=PAGE),
    "registerMachine": Operation("post", f"{W}/machines", "201", "MachineV1", "RegisterMachineRequest"),
    "getMachine": Operation("get", f"{W}/machines/{{machineId}}", "200", "MachineV1"),
    "deregisterMachine": Operation("delete", f"{W}/machines/{{machineId}}", "204"),
    "testMachineConnection": Operation("post", f"{W}/machines/{{machineId}}/test", "200", "ConnectionTestResult"),
    "listAgents": Operation("get", f"{W}/agents", "200", "AgentListResponse", query=PAGE),
    "registerAgent": Operation("post", f"{W}/agents", "201", "AgentV1", "RegisterAgentRequest"),
    "getAgent": Operation("get", f"{W}/agents/{{agentId}}", "200", "AgentV1"),
    "updateAgent": Operation("patch", f"{W}/agents/{{agentId}}", "200", "AgentV1", "UpdateAgentRequest"),
    "testAgentConnection": Operation("post", f"{W}/agents/{{agentId}}/test", "200", "ConnectionTestResult"),
    "listWorkflows": Operation("get", f"{W}/workflows", "200", "WorkflowListResponse", query=PAGE),
    "createWorkflow": Operation("post", f"{W}/workflows", "201", "WorkflowV1", "CreateWorkflowRequest"),
    "getWorkflow": Operation("get", f"{W}/workflows/{{workflowId}}", "200", "WorkflowV1"),
    "updateWorkflow": Operation("patch", f"{W}/workflows/{{workflowId}}", "200", "WorkflowV1", "UpdateWorkflowRequest"),
    "archiveWorkflow": Operation("delete", f"{W}/workflows/{{workflowId}}", "204"),
    "getPlan": Operation("get", f"{W}/plans/{{planId}}", "200", "PlanV1"),
    "listWorkspaceUsers": Operation("get", f"{W}/users", "200", "UserListResponse", query=PAGE),
    "addWorkspaceUser": Operation("post", f"{W}/users", "201", "User", "AddWorkspaceUserRequest"),
    "getWorkspaceUser": Operation("get", f"{W}/users/{{userId}}", "200", "User"),
    "updateWorkspaceUser": Operation("patch", f"{W}/users/{{userId}}", "200", "User", "UpdateWorkspaceUserRequest"),
    "removeWorkspaceUser": Operation("delete", f"{W}/users/{{userId}}", "204"),
    "listWorkItems": Operation(
        "get",
        f"{W}/work-items",
        "200",
        "WorkItemListResponse",
        query=f"status ownerUserId runId workflowId approvalId evidenceId {PAGE}",
    ),
    "createWorkItem": Operation("post", f"{W}/work-items", "201", "WorkItemV1", "CreateWorkItemRequest"),
    "getWorkItem": Operation("get", f"{W}/work-items/{{workItemId}}", "200", "WorkItemV1"),
    "updateWorkItem": Operation(
        "patch", f"{W}/work-items/{{workItemId}}", "200", "WorkItemV1", "UpdateWorkItemRequest"
    ),
    "getWorkItemAssignment": Operation(
        "get", f"{W}/work-items/{{workItemId}}/assignment", "200", "WorkItemAssignmentV1"
    ),
    "putWorkItemAssignment": Operation(
        "put",
        f"{W}/work-items/{{workItemId}}/assignment",
        "200",
        "WorkItemAssignmentV1",
        "PutWorkItemAssignmentRequest",
    ),
    "listHumanTasks": Operation(
        "get", f"{W}/human-tasks", "200", "HumanTaskListResponse", query=f"assigneeId status runId {PAGE}"
    ),
    "getHumanTask": Operation("get", f"{W}/human-tasks/{{humanTaskId}}", "200", "HumanTaskV1"),
    "assignHumanTask": Operation(
        "post", f"{W}/human-tasks/{{humanTaskId}}/assign", "200", "HumanTaskV1", "AssignHumanTaskRequest"
    ),
    "completeHumanTask": Operation(
        "post", f"{W}/human-tasks/{{humanTaskId}}/complete", "200", "HumanTaskV1", "CompleteHumanTaskRequest"
    ),
    "escalateHumanTask": Operation(
        "post", f"{W}/human-tasks/{{humanTaskId}}/escalate", "200", "HumanTaskV1", "EscalateHumanTaskRequest"
    ),
    "listWorkforceMembers": Operation(
        "get", f"{W}/workforce", "200", "WorkforceMemberListResponse", query=f"capability queueId availability {PAGE}"
    ),
    "getWorkforceMember": Operation("get", f"{W}/workforce/{{workforceMemberId}}", "200", "WorkforceMemberV1"),
    "patchWorkforceMemberAvailability": Operation(
        "patch",
        f"{W}/workforce/{{workforceMemberId}}/availability",
        "200",
        "WorkforceMemberV1",
        "PatchWorkforceMemberAvailabilityRequest",
    ),
    "listWorkforceQueues": Operation(
        "get", f"{W}/workforce/queues", "200", "WorkforceQueueListResponse", query=f"capability {PAGE}"
    ),
    "listCredentialGrants": Operation(
        "get", f"{W}/credential-grants", "200", "CredentialGrantListResponse", query=PAGE
    ),
    "createCredentialGrant": Operation(
        "post", f"{W}/credential-grants", "201", "CredentialGrantV1", "CreateCredentialGrantRequest"
    ),
    "getCredentialGrant": Operation("get", f"{W}/credential-grants/{{credentialGrantId}}", "200", "CredentialGrantV1"),
    "updateCredentialGrant": Operation(
        "patch",
        f"{W}/credential-grants/{{credentialGrantId}}",
        "200",
        "CredentialGrantV1",
        "UpdateCredentialGrantRequest",
    ),
    "rotateCredentialGrant": Operation(
        "post", f"{W}/credential-grants/{{credentialGrantId}}/rotate", "200", "CredentialGrantV1"
    ),
    "revokeCredentialGrant": Operation(
        "post", f"{W}/credential-grants/{{credentialGrantId}}/revoke", "200", "CredentialGrantV1"
    ),
    "listAdapterRegistrations": Operation(
        "get", f"{W}/adapter-registrations", "200", "AdapterRegistrationListResponse", query=PAGE
    ),
    "createAdapterRegistration": Operation(
        "post", f"{W}/adapter-registrations", "201", "AdapterRegistrationV1", "CreateAdapterRegistrationRequest"
    ),
    "getAdapterRegistration": Operation(
        "get", f"{W}/adapter-registrations/{{adapterId}}", "200", "AdapterRegistrationV1"
    ),
    "updateAdapterRegistration": Operation(
        "patch",
        f"{W}/adapter-registrations/{{adapterId}}",
        "200",
        "AdapterRegistrationV1",
        "UpdateAdapterRegistrationRequest",
    ),
    "streamLocationEvents": Operation("get", f"{W}/location-events:stream", "200", STREAM, query="assetId purpose"),
    "listLocationEvents": Operation(
        "get",
        f"{W}/location-events",
        "200",
        "LocationEventListResponse",
        query=f"fromIso toIso purpose assetId siteId floorId sourceType {PAGE}",
    ),
    "listMapLayers": Operation(
        "get", f"{W}/map-layers", "200", "MapLayerListResponse", query=f"siteId floorId layerType version {PAGE}"
    ),
}
"""By ``operationId``."""

ANSWERS: Final = {
    "ProblemDetails": "type title status",
    "Workspace": "workspaceId name createdAtIso",
    "RunV1": "schemaVersion runId workspaceId workflowId correlationId executionTier initiatedByUserId status createdAtIso",
    "ApprovalV1": "schemaVersion approvalId workspaceId runId planId prompt status requestedAtIso requestedByUserId",
    "EvidenceEntryV1": "schemaVersion evidenceId workspaceId correlationId occurredAtIso category summary actor hashSha256",
    "MachineV1": "schemaVersion machineId workspaceId hostname registeredAtIso status",
    "AgentV1": "schemaVersion agentId workspaceId name endpoint allowedCapabilities",
    "ConnectionTestResult": "status latencyMs",
    "WorkflowV1": "schemaVersion workflowId workspaceId name version active executionTier actions",
    "PlanV1": "schemaVersion planId workspaceId createdAtIso createdByUserId plannedEffects",
    "User": "userId workspaceId email roles active createdAtIso",
    "WorkItemV1": "schemaVersion workItemId workspaceId createdAtIso createdByUserId title status",
    "WorkItemAssignmentV1": "workItemId",
    "HumanTaskV1": "schemaVersion humanTaskId workItemId runId stepId description requiredCapabilities status",
    "WorkforceMemberV1": "schemaVersion workforceMemberId linkedUserId displayName capabilities availabilityStatus "
    "queueMemberships tenantId createdAtIso",
    "WorkforceQueueV1": "schemaVersion workforceQueueId name requiredCapabilities memberIds routingStrategy tenantId",
    "CredentialGrantV1": "schemaVersion credentialGrantId workspaceId adapterId credentialsRef scope issuedAtIso",
    "AdapterRegistrationV1": "schemaVersion adapterId workspaceId providerSlug portFamily enabled executionPolicy "
    "capabilityMatrix",
    "LocationEventV1": "schemaVersion locationEventId tenantId assetId sourceStreamId sourceType coordinateFrame "
    "observedAtIso ingestedAtIso pose quality correlationId",
    "MapLayerV1": "schemaVersion mapLayerId tenantId siteId floorId layerType coordinateFrame version validFromIso",
}
"""Fields that an answer always has."""

REQUESTS: Final = {
    "StartRunRequest": "workflowId parameters",
    "CreateApprovalRequest": "runId planId prompt workItemId assigneeUserId dueAtIso",
    "DecideApprovalRequest": "decision rationale",
    "RegisterMachineRequest": "hostname osImage allowedCapabilities",
    "RegisterAgentRequest": "name endpoint modelId allowedCapabilities",
    "UpdateAgentRequest": "name endpoint allowedCapabilities",
    "CreateWorkflowRequest": "name executionTier actions description",
    "UpdateWorkflowRequest": "name description executionTier active actions",
    "AddWorkspaceUserRequest": "email roles displayName active",
    "UpdateWorkspaceUserRequest": "displayName roles active",
    "CreateWorkItemRequest": "title ownerUserId sla externalRefs",
    "UpdateWorkItemRequest": "title ownerUserId sla externalRefs status",
    "PutWorkItemAssignmentRequest": "workforceMemberId",
    "AssignHumanTaskRequest": "workforceMemberId workforceQueueId",
    "CompleteHumanTaskRequest": "completionNote",
    "EscalateHumanTaskRequest": "workforceQueueId reason",
    "CreateCredentialGrantRequest": "adapterId credentialsRef scope expiresAtIso",
    "UpdateCredentialGrantRequest": "scope expiresAtIso",
    "CreateAdapterRegistrationRequest": "providerSlug portFamily enabled executionPolicy capabilityMatrix "
    "machineRegistrations",
    "UpdateAdapterRegistrationRequest": "providerSlug enabled executionPolicy capabilityMatrix",
}
"""Fields that a request may have."""

NEEDED: Final = {
    "StartRunRequest": "workflowId",
    "CreateApprovalRequest": "runId planId prompt",
    "DecideApprovalRequest": "decision rationale",
    "RegisterMachineRequest": "hostname",
    "RegisterAgentRequest": "name endpoint",
    "CreateWorkflowRequest": "name executionTier actions",
    "AddWorkspaceUserRequest": "email roles",
    "CreateWorkItemRequest": "title",
    "PutWorkItemAssignmentRequest": "workforceMemberId",
    "EscalateHumanTaskRequest": "workforceQueueId",
    "CreateCredentialGrantRequest": "adapterId credentialsRef scope",
    "CreateAdapterRegistrationRequest": "providerSlug portFamily executionPolicy capabilityMatrix",
}
"""Fields without which a request was never valid; none may be added to them."""

ENUMS: Final = {
    "RunStatus": "Pending Running WaitingForApproval Paused Succeeded Failed Cancelled",
    "ExecutionTier": "Auto Assisted HumanApprove ManualOnly",
    "ApprovalStatus": "Pending Approved Denied RequestChanges",
    "EvidenceCategory": "Plan Action Approval Policy System",
    "MachineStatus": "Online Degraded Offline",
    "AgentCapability": "read:external write:external classify generate analyze execute-code notify",
    "UserRole": "admin operator approver auditor",
    "WorkItemStatus": "Open InProgress Blocked Resolved Closed",
}
"""Words of closed sets: a program of that time trips over any other."""
