from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.distinct_approvers import DistinctApprovers
    from ..models.incompatible_duties import IncompatibleDuties
    from ..models.maker_checker import MakerChecker
    from ..models.policy_rule_v1 import PolicyRuleV1


T = TypeVar("T", bound="SavePolicyRequest")


@_attrs_define
class SavePolicyRequest:
    """A policy; with the id of one that is there, its next version.

    Attributes:
        version: of the policy as the caller knows it; another one is a conflict.

        Attributes:
            name (str):
            schema_version (Literal[1] | Unset):  Default: 1.
            policy_id (str | Unset):
            workspace_id (str | Unset):
            description (str | Unset):
            active (bool | Unset):  Default: True.
            priority (int | Unset):  Default: 0.
            version (int | Unset):
            sod_constraints (list[DistinctApprovers | IncompatibleDuties | MakerChecker] | Unset):
            rules (list[PolicyRuleV1] | Unset):
    """

    name: str
    schema_version: Literal[1] | Unset = 1
    policy_id: str | Unset = UNSET
    workspace_id: str | Unset = UNSET
    description: str | Unset = UNSET
    active: bool | Unset = True
    priority: int | Unset = 0
    version: int | Unset = UNSET
    sod_constraints: list[DistinctApprovers | IncompatibleDuties | MakerChecker] | Unset = UNSET
    rules: list[PolicyRuleV1] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.distinct_approvers import DistinctApprovers  # noqa: PLC0415
        from ..models.maker_checker import MakerChecker  # noqa: PLC0415

        name = self.name

        schema_version = self.schema_version

        policy_id = self.policy_id

        workspace_id = self.workspace_id

        description = self.description

        active = self.active

        priority = self.priority

        version = self.version

        sod_constraints: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.sod_constraints, Unset):
            sod_constraints = []
            for sod_constraints_item_data in self.sod_constraints:
                sod_constraints_item: dict[str, Any]
                if isinstance(sod_constraints_item_data, MakerChecker):
                    sod_constraints_item = sod_constraints_item_data.to_dict()
                elif isinstance(sod_constraints_item_data, DistinctApprovers):
                    sod_constraints_item = sod_constraints_item_data.to_dict()
                else:
                    sod_constraints_item = sod_constraints_item_data.to_dict()

                sod_constraints.append(sod_constraints_item)

        rules: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.rules, Unset):
            rules = []
            for rules_item_data in self.rules:
                rules_item = rules_item_data.to_dict()
                rules.append(rules_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
            }
        )
        if schema_version is not UNSET:
            field_dict["schemaVersion"] = schema_version
        if policy_id is not UNSET:
            field_dict["policyId"] = policy_id
        if workspace_id is not UNSET:
            field_dict["workspaceId"] = workspace_id
        if description is not UNSET:
            field_dict["description"] = description
        if active is not UNSET:
            field_dict["active"] = active
        if priority is not UNSET:
            field_dict["priority"] = priority
        if version is not UNSET:
            field_dict["version"] = version
        if sod_constraints is not UNSET:
            field_dict["sodConstraints"] = sod_constraints
        if rules is not UNSET:
            field_dict["rules"] = rules

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.distinct_approvers import DistinctApprovers  # noqa: PLC0415
        from ..models.incompatible_duties import IncompatibleDuties  # noqa: PLC0415
        from ..models.maker_checker import MakerChecker  # noqa: PLC0415
        from ..models.policy_rule_v1 import PolicyRuleV1  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        schema_version = cast(Literal[1] | Unset, d.pop("schemaVersion", UNSET))
        if schema_version != 1 and not isinstance(schema_version, Unset):
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        policy_id = d.pop("policyId", UNSET)

        workspace_id = d.pop("workspaceId", UNSET)

        description = d.pop("description", UNSET)

        active = d.pop("active", UNSET)

        priority = d.pop("priority", UNSET)

        version = d.pop("version", UNSET)

        _sod_constraints = d.pop("sodConstraints", UNSET)
        sod_constraints: list[DistinctApprovers | IncompatibleDuties | MakerChecker] | Unset = UNSET
        if _sod_constraints is not UNSET:
            sod_constraints = []
            for sod_constraints_item_data in _sod_constraints:

                def _parse_sod_constraints_item(data: object) -> DistinctApprovers | IncompatibleDuties | MakerChecker:
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        sod_constraints_item_type_0 = MakerChecker.from_dict(data)

                        return sod_constraints_item_type_0
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        sod_constraints_item_type_1 = DistinctApprovers.from_dict(data)

                        return sod_constraints_item_type_1
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    if not isinstance(data, dict):
                        raise TypeError()
                    sod_constraints_item_type_2 = IncompatibleDuties.from_dict(data)

                    return sod_constraints_item_type_2

                sod_constraints_item = _parse_sod_constraints_item(sod_constraints_item_data)

                sod_constraints.append(sod_constraints_item)

        _rules = d.pop("rules", UNSET)
        rules: list[PolicyRuleV1] | Unset = UNSET
        if _rules is not UNSET:
            rules = []
            for rules_item_data in _rules:
                rules_item = PolicyRuleV1.from_dict(rules_item_data)

                rules.append(rules_item)

        save_policy_request = cls(
            name=name,
            schema_version=schema_version,
            policy_id=policy_id,
            workspace_id=workspace_id,
            description=description,
            active=active,
            priority=priority,
            version=version,
            sod_constraints=sod_constraints,
            rules=rules,
        )

        return save_policy_request
