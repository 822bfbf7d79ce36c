from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.intervention import Intervention
from ..types import UNSET, Unset

T = TypeVar("T", bound="RunInterventionRequest")


@_attrs_define
class RunInterventionRequest:
    """What is done to a run, and why.

    Attributes:
        intervention_type (Intervention): What somebody can do to a run, in the protocol's words.
        rationale (str):
        target (str | Unset):
        surface (str | Unset):
        authority_source (str | Unset):
        effect (str | Unset):
        consequence (str | Unset):
        evidence_required (bool | Unset):
    """

    intervention_type: Intervention
    rationale: str
    target: str | Unset = UNSET
    surface: str | Unset = UNSET
    authority_source: str | Unset = UNSET
    effect: str | Unset = UNSET
    consequence: str | Unset = UNSET
    evidence_required: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        intervention_type = self.intervention_type.value

        rationale = self.rationale

        target = self.target

        surface = self.surface

        authority_source = self.authority_source

        effect = self.effect

        consequence = self.consequence

        evidence_required = self.evidence_required

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "interventionType": intervention_type,
                "rationale": rationale,
            }
        )
        if target is not UNSET:
            field_dict["target"] = target
        if surface is not UNSET:
            field_dict["surface"] = surface
        if authority_source is not UNSET:
            field_dict["authoritySource"] = authority_source
        if effect is not UNSET:
            field_dict["effect"] = effect
        if consequence is not UNSET:
            field_dict["consequence"] = consequence
        if evidence_required is not UNSET:
            field_dict["evidenceRequired"] = evidence_required

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        intervention_type = Intervention(d.pop("interventionType"))

        rationale = d.pop("rationale")

        target = d.pop("target", UNSET)

        surface = d.pop("surface", UNSET)

        authority_source = d.pop("authoritySource", UNSET)

        effect = d.pop("effect", UNSET)

        consequence = d.pop("consequence", UNSET)

        evidence_required = d.pop("evidenceRequired", UNSET)

        run_intervention_request = cls(
            intervention_type=intervention_type,
            rationale=rationale,
            target=target,
            surface=surface,
            authority_source=authority_source,
            effect=effect,
            consequence=consequence,
            evidence_required=evidence_required,
        )

        return run_intervention_request
