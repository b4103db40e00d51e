"""What exists: people and their rights, and every noun that a release is made of."""

from registry.models.datasets import Dataset, DatasetVersion
from registry.models.endpoints import EndpointRegion, ServingEndpoint
from registry.models.evaluation import EvaluationSuite, Metric, SuiteVersion
from registry.models.models import (
    ModelUse,
    ModelVersion,
    RegisteredModel,
    VersionDataset,
)
from registry.models.people import ApiToken, Person, RoleGrant, Team, Throttle, TokenUse
from registry.models.places import (
    Environment,
    EnvironmentRegion,
    Provider,
    Region,
    Stage,
)
from registry.models.policies import PolicyPack, PolicyUseCase, PolicyVersion
from registry.models.prompts import PromptTemplate, PromptVersion
from registry.models.releases import Objective, Release, ReleasePrompt, ToolGrant
from registry.models.retirements import Retirement
from registry.models.routers import Router, RouterReport
from registry.models.search import SearchedNoun, SearchWord
from registry.models.showing import FreshSignIn, SecondFactor
from registry.models.tools import Tool, ToolScope
from registry.models.use_cases import DataClass, RiskTier, ScoreDemand, UseCase

__all__ = [
    "ApiToken",
    "DataClass",
    "Dataset",
    "DatasetVersion",
    "EndpointRegion",
    "Environment",
    "EnvironmentRegion",
    "EvaluationSuite",
    "FreshSignIn",
    "Metric",
    "ModelUse",
    "ModelVersion",
    "Objective",
    "Person",
    "PolicyPack",
    "PolicyUseCase",
    "PolicyVersion",
    "PromptTemplate",
    "PromptVersion",
    "Provider",
    "Region",
    "RegisteredModel",
    "Release",
    "ReleasePrompt",
    "Retirement",
    "RiskTier",
    "RoleGrant",
    "Router",
    "RouterReport",
    "ScoreDemand",
    "SearchWord",
    "SearchedNoun",
    "SecondFactor",
    "ServingEndpoint",
    "Stage",
    "SuiteVersion",
    "Team",
    "Throttle",
    "TokenUse",
    "Tool",
    "ToolGrant",
    "ToolScope",
    "UseCase",
    "VersionDataset",
]
