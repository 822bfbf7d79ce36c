from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.credential_reference import CredentialReference
    from ..models.delivery_input import DeliveryInput


T = TypeVar("T", bound="Delivery")


@_attrs_define
class Delivery:
    """An invocation handed to its machine.

    Attributes:
        delivery: how often it was handed out; reports say which they are about.

        Attributes:
            invocation_id (str):
            delivery (int):
            action (str):
            input_ (DeliveryInput):
            due_at_iso (datetime.datetime):
            run_id (str | Unset):
            action_id (str | Unset):
            credentials (list[CredentialReference] | Unset):
    """

    invocation_id: str
    delivery: int
    action: str
    input_: DeliveryInput
    due_at_iso: datetime.datetime
    run_id: str | Unset = UNSET
    action_id: str | Unset = UNSET
    credentials: list[CredentialReference] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        invocation_id = self.invocation_id

        delivery = self.delivery

        action = self.action

        input_ = self.input_.to_dict()

        due_at_iso = self.due_at_iso.isoformat()

        run_id = self.run_id

        action_id = self.action_id

        credentials: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.credentials, Unset):
            credentials = []
            for credentials_item_data in self.credentials:
                credentials_item = credentials_item_data.to_dict()
                credentials.append(credentials_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "invocationId": invocation_id,
                "delivery": delivery,
                "action": action,
                "input": input_,
                "dueAtIso": due_at_iso,
            }
        )
        if run_id is not UNSET:
            field_dict["runId"] = run_id
        if action_id is not UNSET:
            field_dict["actionId"] = action_id
        if credentials is not UNSET:
            field_dict["credentials"] = credentials

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.credential_reference import CredentialReference  # noqa: PLC0415
        from ..models.delivery_input import DeliveryInput  # noqa: PLC0415

        d = dict(src_dict)
        invocation_id = d.pop("invocationId")

        delivery = d.pop("delivery")

        action = d.pop("action")

        input_ = DeliveryInput.from_dict(d.pop("input"))

        due_at_iso = datetime.datetime.fromisoformat(d.pop("dueAtIso"))

        run_id = d.pop("runId", UNSET)

        action_id = d.pop("actionId", UNSET)

        _credentials = d.pop("credentials", UNSET)
        credentials: list[CredentialReference] | Unset = UNSET
        if _credentials is not UNSET:
            credentials = []
            for credentials_item_data in _credentials:
                credentials_item = CredentialReference.from_dict(credentials_item_data)

                credentials.append(credentials_item)

        delivery = cls(
            invocation_id=invocation_id,
            delivery=delivery,
            action=action,
            input_=input_,
            due_at_iso=due_at_iso,
            run_id=run_id,
            action_id=action_id,
            credentials=credentials,
        )

        delivery.additional_properties = d
        return delivery

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
