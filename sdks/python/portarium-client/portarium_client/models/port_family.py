from enum import Enum


class PortFamily(str, Enum):
    ADSPLATFORMS = "AdsPlatforms"
    ANALYTICSBI = "AnalyticsBi"
    COMMSCOLLABORATION = "CommsCollaboration"
    COMPLIANCEGRC = "ComplianceGrc"
    CRMSALES = "CrmSales"
    CUSTOMERSUPPORT = "CustomerSupport"
    DOCUMENTSESIGN = "DocumentsEsign"
    FINANCEACCOUNTING = "FinanceAccounting"
    HRISHCM = "HrisHcm"
    IAMDIRECTORY = "IamDirectory"
    ITSMITOPS = "ItsmItOps"
    MARKETINGAUTOMATION = "MarketingAutomation"
    MONITORINGINCIDENT = "MonitoringIncident"
    PAYMENTSBILLING = "PaymentsBilling"
    PAYROLL = "Payroll"
    PROCUREMENTSPEND = "ProcurementSpend"
    PROJECTSWORKMGMT = "ProjectsWorkMgmt"
    ROBOTICSACTUATION = "RoboticsActuation"
    SECRETSVAULTING = "SecretsVaulting"

    def __str__(self) -> str:
        return str(self.value)
