from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.distinct_approvers import DistinctApprovers
    from ..models.incompatible_duties import IncompatibleDuties
    from ..models.maker_checker import MakerChecker
    from ..models.policy_rule_v1 import PolicyRuleV1


T = TypeVar("T", bound="PolicyV1")


@_attrs_define
class PolicyV1:
    """A policy.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        policy_id (str):
        workspace_id (str):
        name (str):
        active (bool):
        priority (int):
        version (int):
        created_at_iso (datetime.datetime):
        created_by_user_id (str):
        description (str | Unset):
        sod_constraints (list[DistinctApprovers | IncompatibleDuties | MakerChecker] | Unset):
        rules (list[PolicyRuleV1] | Unset):
    """

    policy_id: str
    workspace_id: str
    name: str
    active: bool
    priority: int
    version: int
    created_at_iso: datetime.datetime
    created_by_user_id: str
    schema_version: Literal[1] = 1
    description: str | Unset = UNSET
    sod_constraints: list[DistinctApprovers | IncompatibleDuties | MakerChecker] | Unset = UNSET
    rules: list[PolicyRuleV1] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.distinct_approvers import DistinctApprovers  # noqa: PLC0415
        from ..models.maker_checker import MakerChecker  # noqa: PLC0415

        schema_version = self.schema_version

        policy_id = self.policy_id

        workspace_id = self.workspace_id

        name = self.name

        active = self.active

        priority = self.priority

        version = self.version

        created_at_iso = self.created_at_iso.isoformat()

        created_by_user_id = self.created_by_user_id

        description = self.description

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
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "policyId": policy_id,
                "workspaceId": workspace_id,
                "name": name,
                "active": active,
                "priority": priority,
                "version": version,
                "createdAtIso": created_at_iso,
                "createdByUserId": created_by_user_id,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description
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
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        policy_id = d.pop("policyId")

        workspace_id = d.pop("workspaceId")

        name = d.pop("name")

        active = d.pop("active")

        priority = d.pop("priority")

        version = d.pop("version")

        created_at_iso = datetime.datetime.fromisoformat(d.pop("createdAtIso"))

        created_by_user_id = d.pop("createdByUserId")

        description = d.pop("description", UNSET)

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

        policy_v1 = cls(
            schema_version=schema_version,
            policy_id=policy_id,
            workspace_id=workspace_id,
            name=name,
            active=active,
            priority=priority,
            version=version,
            created_at_iso=created_at_iso,
            created_by_user_id=created_by_user_id,
            description=description,
            sod_constraints=sod_constraints,
            rules=rules,
        )

        policy_v1.additional_properties = d
        return policy_v1

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
