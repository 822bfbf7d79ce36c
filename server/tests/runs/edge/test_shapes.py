"""What the contract says of a value is what the server takes."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from runyard.services.runs.models.machines import ClaimRequest
from runyard.services.runs.models.places import CreateMapLayerRequest
from runyard.services.runs.models.policies import SavePolicyRequest
from runyard.services.runs.models.shapes import Endpoint
from runyard.services.runs.models.workflows import Decider, RetryPolicy
from runyard.services.runs.words import MAY, Act


@pytest.mark.parametrize("written", ["2", "2.0", "2e0", "0.2E1"])
def test_an_integer_is_one_however_it_is_written(written: str):
    read = RetryPolicy.model_validate_json(f'{{"maxAttempts": {written}}}').max_attempts
    assert (read, type(read)) == (2, int)
    assert ClaimRequest.model_validate_json(f'{{"free": {written}}}').free == 2
    assert SavePolicyRequest.model_validate_json(f'{{"name": "P", "version": {written}}}').version == 2


@pytest.mark.parametrize("written", ["2.5", '"2"', "true", "1e300", "1e999", "11", "11.0"])
def test_what_is_no_such_integer_is_refused(written: str):
    with pytest.raises(ValidationError, match="maxAttempts"):
        RetryPolicy.model_validate_json(f'{{"maxAttempts": {written}}}')


def test_the_contract_still_says_the_limits():
    for model in (RetryPolicy, CreateMapLayerRequest):
        fields = model.model_json_schema(by_alias=True)["properties"]
        field = fields.get("maxAttempts") or fields["version"]
        assert field["type"] == "integer"
        assert field["minimum"] == 1


def test_who_may_decide_is_who_may_be_asked_to():
    assert set(get_args(Decider)) == MAY[Act.APPROVAL_DECIDE]


@pytest.mark.parametrize("host", ["[::1]", "[2001:db8::1]:8443", "erp.example", "192.0.2.1:80"])
def test_an_address_is_one(host: str):
    assert TypeAdapter(Endpoint).validate_python(f"https://{host}/a") == f"https://{host}/a"


@pytest.mark.parametrize("host", ["[8]", "[::1", "[1.2.3.4]", "[::::]", "[]", ""])
def test_what_is_in_brackets_is_an_address_too(host: str):
    with pytest.raises(ValidationError):
        TypeAdapter(Endpoint).validate_python(f"https://{host}/a")
