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


PAGE: Final = "limit:page cursor"
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
        "get",
        f"{W}/evidence",
        "200",
        "EvidenceEntryListResponse",
        query=f"runId planId workItemId category:EvidenceCategory {PAGE}",
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
        query=f"status:WorkItemStatus ownerUserId runId workflowId approvalId evidenceId {PAGE}",
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
        "get",
        f"{W}/human-tasks",
        "200",
        "HumanTaskListResponse",
        query=f"assigneeId status:HumanTaskStatus runId {PAGE}",
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
        "get",
        f"{W}/workforce",
        "200",
        "WorkforceMemberListResponse",
        query=f"capability:WorkforceCapability queueId availability:AvailabilityStatus {PAGE}",
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
        "get",
        f"{W}/workforce/queues",
        "200",
        "WorkforceQueueListResponse",
        query=f"capability:WorkforceCapability {PAGE}",
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
    "streamLocationEvents": Operation(
        "get", f"{W}/location-events:stream", "200", STREAM, query="assetId purpose:LocationPurpose"
    ),
    "listLocationEvents": Operation(
        "get",
        f"{W}/location-events",
        "200",
        "LocationEventListResponse",
        query=f"fromIso:time toIso:time purpose:LocationPurpose assetId siteId floorId sourceType:LocationSourceType {PAGE}",
    ),
    "listMapLayers": Operation(
        "get",
        f"{W}/map-layers",
        "200",
        "MapLayerListResponse",
        query=f"siteId floorId layerType:MapLayerType version:whole {PAGE}",
    ),
}
"""By ``operationId``."""

SCHEMAS: Final = {
    "ProblemDetails": "type!:uri title!:text status!:status detail:text instance:uri-reference errors:texts",
    "Workspace": "workspaceId! name! createdAtIso!:time",
    "RunV1": "schemaVersion!:1 runId! workspaceId! workflowId! correlationId! executionTier!:ExecutionTier "
    "initiatedByUserId! status!:RunStatus createdAtIso!:time startedAtIso:time endedAtIso:time",
    "StartRunRequest": "workflowId! parameters:object",
    "ApprovalV1": "schemaVersion!:1 approvalId! workspaceId! runId! planId! workItemId prompt! status!:ApprovalStatus "
    "requestedAtIso!:time requestedByUserId! assigneeUserId dueAtIso:time decidedAtIso:time decidedByUserId "
    "rationale:text",
    "CreateApprovalRequest": "runId! planId! prompt! workItemId assigneeUserId dueAtIso:time",
    "DecideApprovalRequest": "decision!:ApprovalDecision rationale!",
    "EvidenceEntryV1": "schemaVersion!:1 evidenceId! workspaceId! correlationId! occurredAtIso!:time "
    "category!:EvidenceCategory summary! actor!:EvidenceUser|EvidenceMachine|EvidenceAdapter|EvidenceSystem "
    "links:EvidenceLinks payloadRefs:[EvidencePayloadRef] previousHash:sha256 hashSha256!:sha256",
    "EvidenceUser": "kind!:=User userId!",
    "EvidenceMachine": "kind!:=Machine machineId!",
    "EvidenceAdapter": "kind!:=Adapter adapterId!",
    "EvidenceSystem": "kind!:=System",
    "EvidenceLinks": "runId planId workItemId externalRefs:[ExternalObjectRef]",
    "EvidencePayloadRef": "kind!:payload uri!:text contentType:text sha256:sha256",
    "ExternalObjectRef": "sorName! portFamily!:PortFamily externalId! externalType! displayLabel:text deepLinkUrl:uri",
    "MachineV1": "schemaVersion!:1 machineId! workspaceId! hostname! osImage registeredAtIso!:time "
    "lastHeartbeatAtIso:time status!:MachineStatus activeRunCount:count allowedCapabilities:[AgentCapability]",
    "RegisterMachineRequest": "hostname! osImage allowedCapabilities:[AgentCapability]",
    "AgentV1": "schemaVersion!:1 agentId! workspaceId! name! modelId endpoint!:uri "
    "allowedCapabilities!:[AgentCapability] usedByWorkflowIds:[id]",
    "RegisterAgentRequest": "name! endpoint!:uri modelId allowedCapabilities:[AgentCapability]",
    "UpdateAgentRequest": "name endpoint:uri allowedCapabilities:[AgentCapability]",
    "ConnectionTestResult": "status!:ConnectionTestStatus latencyMs!:count errorMessage:text",
    "WorkflowV1": "schemaVersion!:1 workflowId! workspaceId! name! description:text version!:whole active!:flag "
    "executionTier!:ExecutionTier actions!:[WorkflowActionV1]+",
    "WorkflowActionV1": "actionId! order!:whole portFamily!:PortFamily operation! executionTierOverride:ExecutionTier",
    "CreateWorkflowRequest": "name! executionTier!:ExecutionTier actions!:[WorkflowActionV1]+ description:text",
    "UpdateWorkflowRequest": "name description:text executionTier:ExecutionTier active:flag actions:[WorkflowActionV1]+",
    "PlanV1": "schemaVersion!:1 planId! workspaceId! createdAtIso!:time createdByUserId! "
    "plannedEffects!:[PlannedEffectV1] predictedEffects:[PredictedEffectV1]",
    "PlannedEffectV1": "effectId! operation!:EffectOperation target!:ExternalObjectRef summary! idempotencyKey",
    "PredictedEffectV1": "effectId! operation!:EffectOperation target!:ExternalObjectRef summary! idempotencyKey "
    "confidence!:share",
    "User": "userId! workspaceId! email! displayName roles!:[UserRole]+ active!:flag createdAtIso!:time",
    "AddWorkspaceUserRequest": "email! roles!:[UserRole]+ displayName active:flag",
    "UpdateWorkspaceUserRequest": "displayName roles:[UserRole]+ active:flag",
    "WorkItemV1": "schemaVersion!:1 workItemId! workspaceId! createdAtIso!:time createdByUserId! title! "
    "status!:WorkItemStatus ownerUserId sla:WorkItemSla links:WorkItemLinks",
    "WorkItemSla": "dueAtIso:time",
    "WorkItemLinks": "externalRefs:[ExternalObjectRef] runIds:[id] workflowIds:[id] approvalIds:[id] evidenceIds:[id]",
    "CreateWorkItemRequest": "title! ownerUserId sla:WorkItemSla externalRefs:[ExternalObjectRef]",
    "UpdateWorkItemRequest": "title ownerUserId sla:WorkItemSla externalRefs:[ExternalObjectRef] status:WorkItemStatus",
    "WorkItemAssignmentV1": "workItemId! ownerUserId workforceMemberId",
    "PutWorkItemAssignmentRequest": "workforceMemberId!:id-or-null",
    "HumanTaskV1": "schemaVersion!:1 humanTaskId! workItemId! runId! stepId! assigneeId groupId description!:text "
    "requiredCapabilities!:[WorkforceCapability] status!:HumanTaskStatus dueAt:time completedAt:time completedById "
    "evidenceAnchorId",
    "AssignHumanTaskRequest": "workforceMemberId workforceQueueId",
    "CompleteHumanTaskRequest": "completionNote",
    "EscalateHumanTaskRequest": "workforceQueueId! reason",
    "WorkforceMemberV1": "schemaVersion!:1 workforceMemberId! linkedUserId! displayName!:text "
    "capabilities!:[WorkforceCapability]+ availabilityStatus!:AvailabilityStatus queueMemberships!:[id] tenantId! "
    "createdAtIso!:time updatedAtIso:time",
    "PatchWorkforceMemberAvailabilityRequest": "availabilityStatus!:AvailabilityStatus",
    "WorkforceQueueV1": "schemaVersion!:1 workforceQueueId! name!:text requiredCapabilities!:[WorkforceCapability]+ "
    "memberIds!:[id] routingStrategy!:RoutingStrategy tenantId!",
    "CredentialGrantV1": "schemaVersion!:1 credentialGrantId! workspaceId! adapterId! credentialsRef! scope! "
    "issuedAtIso!:time expiresAtIso:time lastRotatedAtIso:time revokedAtIso:time",
    "CreateCredentialGrantRequest": "adapterId! credentialsRef! scope! expiresAtIso:time",
    "UpdateCredentialGrantRequest": "scope expiresAtIso:time",
    "AdapterRegistrationV1": "schemaVersion!:1 adapterId! workspaceId! providerSlug! portFamily!:PortFamily "
    "enabled!:flag executionPolicy!:AdapterExecutionPolicyV1 capabilityMatrix!:[CapabilityClaimV1]+ "
    "machineRegistrations:[AdapterMachineEntryV1]",
    "AdapterExecutionPolicyV1": "tenantIsolationMode!:=PerTenantWorker egressAllowlist!:[uri]+ "
    "credentialScope!:=capabilityMatrix sandboxVerified!:true sandboxAvailable!:flag",
    "CapabilityClaimV1": "operation! requiresAuth!:flag capability:claim inputKind outputKind",
    "AdapterMachineEntryV1": "machineId! endpointUrl!:uri active!:flag displayName authHint",
    "CreateAdapterRegistrationRequest": "providerSlug! portFamily!:PortFamily enabled:flag "
    "executionPolicy!:AdapterExecutionPolicyV1 capabilityMatrix!:[CapabilityClaimV1]+ "
    "machineRegistrations:[AdapterMachineEntryV1]",
    "UpdateAdapterRegistrationRequest": "providerSlug enabled:flag executionPolicy:AdapterExecutionPolicyV1 "
    "capabilityMatrix:[CapabilityClaimV1]+",
    "LocationEventV1": "schemaVersion!:1 locationEventId! tenantId! assetId! robotId sourceStreamId! "
    "sourceType!:LocationSourceType coordinateFrame! observedAtIso!:time ingestedAtIso!:time pose!:LocationPose "
    "quality!:KnownQuality|UnknownQuality correlationId!",
    "LocationPose": "x!:number y!:number z!:number yawRadians!:number",
    "KnownQuality": "status!:=Known horizontalStdDevMeters!:number verticalStdDevMeters:number",
    "UnknownQuality": "status!:=Unknown reason!",
    "MapLayerV1": "schemaVersion!:1 mapLayerId! tenantId! siteId! floorId! layerType!:MapLayerType coordinateFrame! "
    "version!:whole validFromIso!:time validToIso:time",
}
"""Fields by schema, in the notation of :mod:`upstream`. What answers always had has a ``!``; so has what a request was
never valid without, and nothing may be added to that.
"""

ENUMS: Final = {
    "RunStatus": "Pending Running WaitingForApproval Paused Succeeded Failed Cancelled",
    "ExecutionTier": "Auto Assisted HumanApprove ManualOnly",
    "ApprovalStatus": "Pending Approved Denied RequestChanges",
    "EvidenceCategory": "Plan Action Approval Policy System",
    "MachineStatus": "Online Degraded Offline",
    "AgentCapability": "read:external write:external classify generate analyze execute-code notify",
    "UserRole": "admin operator approver auditor",
    "WorkItemStatus": "Open InProgress Blocked Resolved Closed",
    "ApprovalDecision": "Approved Denied RequestChanges",
    "ConnectionTestStatus": "ok slow unreachable",
    "EffectOperation": "Create Update Delete Upsert",
    "PortFamily": "FinanceAccounting PaymentsBilling ProcurementSpend HrisHcm Payroll CrmSales CustomerSupport "
    "ItsmItOps IamDirectory SecretsVaulting MarketingAutomation AdsPlatforms CommsCollaboration ProjectsWorkMgmt "
    "DocumentsEsign AnalyticsBi MonitoringIncident ComplianceGrc RoboticsActuation",
    "HumanTaskStatus": "pending assigned in-progress completed escalated",
    "WorkforceCapability": "operations.dispatch operations.approval operations.escalation robotics.supervision "
    "robotics.safety.override",
    "AvailabilityStatus": "available busy offline",
    "RoutingStrategy": "round-robin least-busy manual",
    "LocationSourceType": "GPS RTLS SLAM odometry fusion",
    "LocationPurpose": "operations incident-response compliance-audit",
    "MapLayerType": "Floorplan OccupancyGrid Geofence SemanticZone",
}
"""Words of closed sets: a program of that time trips over any other."""
