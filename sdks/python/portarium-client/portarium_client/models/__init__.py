"""Contains all the data models used in inputs/outputs"""

from .adapter_execution_policy_v1 import AdapterExecutionPolicyV1
from .adapter_machine_entry_v1 import AdapterMachineEntryV1
from .adapter_registration_list_response import AdapterRegistrationListResponse
from .adapter_registration_v1 import AdapterRegistrationV1
from .add_workspace_user_request import AddWorkspaceUserRequest
from .agent_action_execution import AgentActionExecution
from .agent_action_execution_output import AgentActionExecutionOutput
from .agent_action_execution_status import AgentActionExecutionStatus
from .agent_action_proposal import AgentActionProposal
from .agent_action_proposal_decision import AgentActionProposalDecision
from .agent_capability import AgentCapability
from .agent_heartbeat import AgentHeartbeat
from .agent_heartbeat_metrics import AgentHeartbeatMetrics
from .agent_heartbeat_status import AgentHeartbeatStatus
from .agent_list_response import AgentListResponse
from .agent_v1 import AgentV1
from .agent_work_items import AgentWorkItems
from .approval_decision import ApprovalDecision
from .approval_list_response import ApprovalListResponse
from .approval_rule import ApprovalRule
from .approval_rule_roles_item import ApprovalRuleRolesItem
from .approval_status import ApprovalStatus
from .approval_v1 import ApprovalV1
from .availability_status import AvailabilityStatus
from .capability_claim_v1 import CapabilityClaimV1
from .claim_answer import ClaimAnswer
from .claim_request import ClaimRequest
from .complete_human_task_request import CompleteHumanTaskRequest
from .connection_test_result import ConnectionTestResult
from .connection_test_status import ConnectionTestStatus
from .create_adapter_registration_request import CreateAdapterRegistrationRequest
from .create_approval_request import CreateApprovalRequest
from .create_credential_grant_request import CreateCredentialGrantRequest
from .create_machine_invocation_request import CreateMachineInvocationRequest
from .create_machine_invocation_request_input import CreateMachineInvocationRequestInput
from .create_map_layer_request import CreateMapLayerRequest
from .create_service_account_request import CreateServiceAccountRequest
from .create_work_item_request import CreateWorkItemRequest
from .create_workflow_request import CreateWorkflowRequest
from .create_workforce_member_request import CreateWorkforceMemberRequest
from .create_workforce_queue_request import CreateWorkforceQueueRequest
from .create_workspace_request import CreateWorkspaceRequest
from .credential_grant_list_response import CredentialGrantListResponse
from .credential_grant_v1 import CredentialGrantV1
from .credential_reference import CredentialReference
from .decide_approval_request import DecideApprovalRequest
from .delivery import Delivery
from .delivery_input import DeliveryInput
from .distinct_approvers import DistinctApprovers
from .effect_operation import EffectOperation
from .enrol_request import EnrolRequest
from .enrolled_machine import EnrolledMachine
from .enrolment_token import EnrolmentToken
from .escalate_human_task_request import EscalateHumanTaskRequest
from .evaluate_policy_request import EvaluatePolicyRequest
from .evaluate_policy_request_context import EvaluatePolicyRequestContext
from .evidence_adapter import EvidenceAdapter
from .evidence_category import EvidenceCategory
from .evidence_checkpoint import EvidenceCheckpoint
from .evidence_consistency_proof import EvidenceConsistencyProof
from .evidence_entry_list_response import EvidenceEntryListResponse
from .evidence_entry_v1 import EvidenceEntryV1
from .evidence_finding import EvidenceFinding
from .evidence_inclusion_proof import EvidenceInclusionProof
from .evidence_links import EvidenceLinks
from .evidence_machine import EvidenceMachine
from .evidence_payload_ref import EvidencePayloadRef
from .evidence_payload_ref_kind import EvidencePayloadRefKind
from .evidence_system import EvidenceSystem
from .evidence_user import EvidenceUser
from .evidence_verification import EvidenceVerification
from .execute_agent_action_request import ExecuteAgentActionRequest
from .execute_agent_action_request_payload import ExecuteAgentActionRequestPayload
from .execution_tier import ExecutionTier
from .external_object_ref import ExternalObjectRef
from .file_v1 import FileV1
from .heartbeat_request import HeartbeatRequest
from .heartbeat_request_metrics import HeartbeatRequestMetrics
from .heartbeat_request_status import HeartbeatRequestStatus
from .human_task_list_response import HumanTaskListResponse
from .human_task_status import HumanTaskStatus
from .human_task_v1 import HumanTaskV1
from .incompatible_duties import IncompatibleDuties
from .intervention import Intervention
from .invocation_error import InvocationError
from .invocation_status import InvocationStatus
from .known_quality import KnownQuality
from .location import Location
from .location_event_list_response import LocationEventListResponse
from .location_event_v1 import LocationEventV1
from .location_pose import LocationPose
from .location_purpose import LocationPurpose
from .location_source_type import LocationSourceType
from .machine_heartbeat import MachineHeartbeat
from .machine_heartbeat_metrics import MachineHeartbeatMetrics
from .machine_heartbeat_status import MachineHeartbeatStatus
from .machine_invocation_list_response import MachineInvocationListResponse
from .machine_invocation_v1 import MachineInvocationV1
from .machine_invocation_v1_input import MachineInvocationV1Input
from .machine_invocation_v1_output import MachineInvocationV1Output
from .machine_list_response import MachineListResponse
from .machine_status import MachineStatus
from .machine_v1 import MachineV1
from .maker_checker import MakerChecker
from .map_layer_list_response import MapLayerListResponse
from .map_layer_type import MapLayerType
from .map_layer_v1 import MapLayerV1
from .patch_workforce_member_availability_request import PatchWorkforceMemberAvailabilityRequest
from .plan_run_request import PlanRunRequest
from .plan_run_request_input import PlanRunRequestInput
from .plan_run_request_parameters import PlanRunRequestParameters
from .plan_v1 import PlanV1
from .planned_effect_v1 import PlannedEffectV1
from .planned_effect_v1_input import PlannedEffectV1Input
from .policy_decision import PolicyDecision
from .policy_decision_decision import PolicyDecisionDecision
from .policy_list_response import PolicyListResponse
from .policy_rule_v1 import PolicyRuleV1
from .policy_rule_v1_effect import PolicyRuleV1Effect
from .policy_v1 import PolicyV1
from .port_family import PortFamily
from .predicted_effect_v1 import PredictedEffectV1
from .predicted_effect_v1_input import PredictedEffectV1Input
from .problem_details import ProblemDetails
from .problem_details_errors import ProblemDetailsErrors
from .propose_agent_action_request import ProposeAgentActionRequest
from .propose_agent_action_request_parameters import ProposeAgentActionRequestParameters
from .put_work_item_assignment_request import PutWorkItemAssignmentRequest
from .quarantine_request import QuarantineRequest
from .register_agent_request import RegisterAgentRequest
from .register_machine_request import RegisterMachineRequest
from .report_evidence_request import ReportEvidenceRequest
from .report_evidence_request_actor_type_1 import ReportEvidenceRequestActorType1
from .report_evidence_request_payload import ReportEvidenceRequestPayload
from .report_location_events_request import ReportLocationEventsRequest
from .report_request import ReportRequest
from .report_request_output import ReportRequestOutput
from .report_request_status import ReportRequestStatus
from .reported_category import ReportedCategory
from .reported_location import ReportedLocation
from .retry_policy import RetryPolicy
from .retry_run_request import RetryRunRequest
from .routing_strategy import RoutingStrategy
from .run_error import RunError
from .run_file import RunFile
from .run_intervention_request import RunInterventionRequest
from .run_links import RunLinks
from .run_list_response import RunListResponse
from .run_status import RunStatus
from .run_step import RunStep
from .run_step_files import RunStepFiles
from .run_step_input import RunStepInput
from .run_step_output import RunStepOutput
from .run_step_work import RunStepWork
from .run_v1 import RunV1
from .run_v1_control_state import RunV1ControlState
from .run_v1_input import RunV1Input
from .run_v1_output import RunV1Output
from .run_v1_parameters import RunV1Parameters
from .save_policy_request import SavePolicyRequest
from .saved_policy import SavedPolicy
from .service_account import ServiceAccount
from .service_account_list_response import ServiceAccountListResponse
from .standing import Standing
from .start_run_request import StartRunRequest
from .start_run_request_input import StartRunRequestInput
from .start_run_request_input_payload import StartRunRequestInputPayload
from .start_run_request_parameters import StartRunRequestParameters
from .step_status import StepStatus
from .token_request import TokenRequest
from .token_response import TokenResponse
from .unknown_quality import UnknownQuality
from .update_adapter_registration_request import UpdateAdapterRegistrationRequest
from .update_agent_request import UpdateAgentRequest
from .update_approval_request import UpdateApprovalRequest
from .update_credential_grant_request import UpdateCredentialGrantRequest
from .update_machine_request import UpdateMachineRequest
from .update_work_item_request import UpdateWorkItemRequest
from .update_workflow_request import UpdateWorkflowRequest
from .update_workforce_member_request import UpdateWorkforceMemberRequest
from .update_workforce_queue_request import UpdateWorkforceQueueRequest
from .update_workspace_request import UpdateWorkspaceRequest
from .update_workspace_user_request import UpdateWorkspaceUserRequest
from .user import User
from .user_list_response import UserListResponse
from .user_role import UserRole
from .work_item_assignment_v1 import WorkItemAssignmentV1
from .work_item_links import WorkItemLinks
from .work_item_list_response import WorkItemListResponse
from .work_item_sla import WorkItemSla
from .work_item_status import WorkItemStatus
from .work_item_v1 import WorkItemV1
from .workflow_action_v1 import WorkflowActionV1
from .workflow_action_v1_input import WorkflowActionV1Input
from .workflow_list_response import WorkflowListResponse
from .workflow_v1 import WorkflowV1
from .workforce_capability import WorkforceCapability
from .workforce_member_list_response import WorkforceMemberListResponse
from .workforce_member_v1 import WorkforceMemberV1
from .workforce_queue_list_response import WorkforceQueueListResponse
from .workforce_queue_v1 import WorkforceQueueV1
from .workspace import Workspace
from .workspace_list_response import WorkspaceListResponse

__all__ = (
    "AdapterExecutionPolicyV1",
    "AdapterMachineEntryV1",
    "AdapterRegistrationListResponse",
    "AdapterRegistrationV1",
    "AddWorkspaceUserRequest",
    "AgentActionExecution",
    "AgentActionExecutionOutput",
    "AgentActionExecutionStatus",
    "AgentActionProposal",
    "AgentActionProposalDecision",
    "AgentCapability",
    "AgentHeartbeat",
    "AgentHeartbeatMetrics",
    "AgentHeartbeatStatus",
    "AgentListResponse",
    "AgentV1",
    "AgentWorkItems",
    "ApprovalDecision",
    "ApprovalListResponse",
    "ApprovalRule",
    "ApprovalRuleRolesItem",
    "ApprovalStatus",
    "ApprovalV1",
    "AvailabilityStatus",
    "CapabilityClaimV1",
    "ClaimAnswer",
    "ClaimRequest",
    "CompleteHumanTaskRequest",
    "ConnectionTestResult",
    "ConnectionTestStatus",
    "CreateAdapterRegistrationRequest",
    "CreateApprovalRequest",
    "CreateCredentialGrantRequest",
    "CreateMachineInvocationRequest",
    "CreateMachineInvocationRequestInput",
    "CreateMapLayerRequest",
    "CreateServiceAccountRequest",
    "CreateWorkflowRequest",
    "CreateWorkforceMemberRequest",
    "CreateWorkforceQueueRequest",
    "CreateWorkItemRequest",
    "CreateWorkspaceRequest",
    "CredentialGrantListResponse",
    "CredentialGrantV1",
    "CredentialReference",
    "DecideApprovalRequest",
    "Delivery",
    "DeliveryInput",
    "DistinctApprovers",
    "EffectOperation",
    "EnrolledMachine",
    "EnrolmentToken",
    "EnrolRequest",
    "EscalateHumanTaskRequest",
    "EvaluatePolicyRequest",
    "EvaluatePolicyRequestContext",
    "EvidenceAdapter",
    "EvidenceCategory",
    "EvidenceCheckpoint",
    "EvidenceConsistencyProof",
    "EvidenceEntryListResponse",
    "EvidenceEntryV1",
    "EvidenceFinding",
    "EvidenceInclusionProof",
    "EvidenceLinks",
    "EvidenceMachine",
    "EvidencePayloadRef",
    "EvidencePayloadRefKind",
    "EvidenceSystem",
    "EvidenceUser",
    "EvidenceVerification",
    "ExecuteAgentActionRequest",
    "ExecuteAgentActionRequestPayload",
    "ExecutionTier",
    "ExternalObjectRef",
    "FileV1",
    "HeartbeatRequest",
    "HeartbeatRequestMetrics",
    "HeartbeatRequestStatus",
    "HumanTaskListResponse",
    "HumanTaskStatus",
    "HumanTaskV1",
    "IncompatibleDuties",
    "Intervention",
    "InvocationError",
    "InvocationStatus",
    "KnownQuality",
    "Location",
    "LocationEventListResponse",
    "LocationEventV1",
    "LocationPose",
    "LocationPurpose",
    "LocationSourceType",
    "MachineHeartbeat",
    "MachineHeartbeatMetrics",
    "MachineHeartbeatStatus",
    "MachineInvocationListResponse",
    "MachineInvocationV1",
    "MachineInvocationV1Input",
    "MachineInvocationV1Output",
    "MachineListResponse",
    "MachineStatus",
    "MachineV1",
    "MakerChecker",
    "MapLayerListResponse",
    "MapLayerType",
    "MapLayerV1",
    "PatchWorkforceMemberAvailabilityRequest",
    "PlannedEffectV1",
    "PlannedEffectV1Input",
    "PlanRunRequest",
    "PlanRunRequestInput",
    "PlanRunRequestParameters",
    "PlanV1",
    "PolicyDecision",
    "PolicyDecisionDecision",
    "PolicyListResponse",
    "PolicyRuleV1",
    "PolicyRuleV1Effect",
    "PolicyV1",
    "PortFamily",
    "PredictedEffectV1",
    "PredictedEffectV1Input",
    "ProblemDetails",
    "ProblemDetailsErrors",
    "ProposeAgentActionRequest",
    "ProposeAgentActionRequestParameters",
    "PutWorkItemAssignmentRequest",
    "QuarantineRequest",
    "RegisterAgentRequest",
    "RegisterMachineRequest",
    "ReportedCategory",
    "ReportedLocation",
    "ReportEvidenceRequest",
    "ReportEvidenceRequestActorType1",
    "ReportEvidenceRequestPayload",
    "ReportLocationEventsRequest",
    "ReportRequest",
    "ReportRequestOutput",
    "ReportRequestStatus",
    "RetryPolicy",
    "RetryRunRequest",
    "RoutingStrategy",
    "RunError",
    "RunFile",
    "RunInterventionRequest",
    "RunLinks",
    "RunListResponse",
    "RunStatus",
    "RunStep",
    "RunStepFiles",
    "RunStepInput",
    "RunStepOutput",
    "RunStepWork",
    "RunV1",
    "RunV1ControlState",
    "RunV1Input",
    "RunV1Output",
    "RunV1Parameters",
    "SavedPolicy",
    "SavePolicyRequest",
    "ServiceAccount",
    "ServiceAccountListResponse",
    "Standing",
    "StartRunRequest",
    "StartRunRequestInput",
    "StartRunRequestInputPayload",
    "StartRunRequestParameters",
    "StepStatus",
    "TokenRequest",
    "TokenResponse",
    "UnknownQuality",
    "UpdateAdapterRegistrationRequest",
    "UpdateAgentRequest",
    "UpdateApprovalRequest",
    "UpdateCredentialGrantRequest",
    "UpdateMachineRequest",
    "UpdateWorkflowRequest",
    "UpdateWorkforceMemberRequest",
    "UpdateWorkforceQueueRequest",
    "UpdateWorkItemRequest",
    "UpdateWorkspaceRequest",
    "UpdateWorkspaceUserRequest",
    "User",
    "UserListResponse",
    "UserRole",
    "WorkflowActionV1",
    "WorkflowActionV1Input",
    "WorkflowListResponse",
    "WorkflowV1",
    "WorkforceCapability",
    "WorkforceMemberListResponse",
    "WorkforceMemberV1",
    "WorkforceQueueListResponse",
    "WorkforceQueueV1",
    "WorkItemAssignmentV1",
    "WorkItemLinks",
    "WorkItemListResponse",
    "WorkItemSla",
    "WorkItemStatus",
    "WorkItemV1",
    "Workspace",
    "WorkspaceListResponse",
)
