"""Shapes of values that several nouns share: addresses, names, families of systems."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv6Address
from typing import Annotated, Final, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from runyard.services.runs.models.base import NOT_BLANK, Ask

_HOST: Final = r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
_REST: Final = r"(/[A-Za-z0-9._~:/@!$&'()*+,;=%-]*)?"


def _addressed(url: str) -> str:
    """A URL whose host, where it is in brackets, is an address: patterns can't tell."""
    host = url.split("/")[2]
    if host.startswith("["):
        IPv6Address(host[1 : host.index("]")])
    return url


Https: TypeAlias = Annotated[
    str,
    Field(pattern=f"^https://{_HOST}{_REST}$", max_length=2000, json_schema_extra={"format": "uri"}),
    AfterValidator(_addressed),
]
Endpoint: TypeAlias = Annotated[
    str,
    Field(pattern=f"^https?://{_HOST}{_REST}$", max_length=2000, json_schema_extra={"format": "uri"}),
    AfterValidator(_addressed),
]
"""Where something answers. No query: that is where secrets would be."""

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=200, pattern=NOT_BLANK)]
Operation: TypeAlias = Annotated[str, Field(pattern="^[a-z][a-z0-9-]*:[a-zA-Z][a-zA-Z0-9_-]*$", max_length=200)]
"""What can be asked for: ``entity:verb``."""


class Part(BaseModel):
    """A piece of both what callers say and what we answer."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True,
        extra="forbid", frozen=True, strict=True,
    )  # fmt: skip


class Changes(Ask):
    """Changes to a thing, at least one. What isn't named stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say at least one change")
        return self


class PortFamily(StrEnum):
    """What sort of system an adapter speaks to."""

    FINANCE_ACCOUNTING = "FinanceAccounting"
    PAYMENTS_BILLING = "PaymentsBilling"
    PROCUREMENT_SPEND = "ProcurementSpend"
    HRIS_HCM = "HrisHcm"
    PAYROLL = "Payroll"
    CRM_SALES = "CrmSales"
    CUSTOMER_SUPPORT = "CustomerSupport"
    ITSM_IT_OPS = "ItsmItOps"
    IAM_DIRECTORY = "IamDirectory"
    SECRETS_VAULTING = "SecretsVaulting"
    MARKETING_AUTOMATION = "MarketingAutomation"
    ADS_PLATFORMS = "AdsPlatforms"
    COMMS_COLLABORATION = "CommsCollaboration"
    PROJECTS_WORK_MGMT = "ProjectsWorkMgmt"
    DOCUMENTS_ESIGN = "DocumentsEsign"
    ANALYTICS_BI = "AnalyticsBi"
    MONITORING_INCIDENT = "MonitoringIncident"
    COMPLIANCE_GRC = "ComplianceGrc"
    ROBOTICS_ACTUATION = "RoboticsActuation"
