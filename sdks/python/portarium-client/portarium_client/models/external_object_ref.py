from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.port_family import PortFamily
from ..types import UNSET, Unset

T = TypeVar("T", bound="ExternalObjectRef")


@_attrs_define
class ExternalObjectRef:
    """An object of a system outside.

    Attributes:
        sor_name (str):
        port_family (PortFamily): What sort of system an adapter speaks to.
        external_id (str):
        external_type (str):
        display_label (str | Unset):
        deep_link_url (str | Unset):
    """

    sor_name: str
    port_family: PortFamily
    external_id: str
    external_type: str
    display_label: str | Unset = UNSET
    deep_link_url: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        sor_name = self.sor_name

        port_family = self.port_family.value

        external_id = self.external_id

        external_type = self.external_type

        display_label = self.display_label

        deep_link_url = self.deep_link_url

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "sorName": sor_name,
                "portFamily": port_family,
                "externalId": external_id,
                "externalType": external_type,
            }
        )
        if display_label is not UNSET:
            field_dict["displayLabel"] = display_label
        if deep_link_url is not UNSET:
            field_dict["deepLinkUrl"] = deep_link_url

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sor_name = d.pop("sorName")

        port_family = PortFamily(d.pop("portFamily"))

        external_id = d.pop("externalId")

        external_type = d.pop("externalType")

        display_label = d.pop("displayLabel", UNSET)

        deep_link_url = d.pop("deepLinkUrl", UNSET)

        external_object_ref = cls(
            sor_name=sor_name,
            port_family=port_family,
            external_id=external_id,
            external_type=external_type,
            display_label=display_label,
            deep_link_url=deep_link_url,
        )

        return external_object_ref
