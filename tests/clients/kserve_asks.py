"""KServe's clients, in an environment of their own: ``python kserve_asks.py HTTP_URL GRPC_ADDRESS``; tells JSON."""

import asyncio
import json
import sys
from typing import Any

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

KEY = {"authorization": "Bearer tnk_acme"}


def request(name: str, *, raw: bool) -> InferRequest:
    """Three rows of two columns, typed or raw."""
    tenure = np.array([1.0, 24.0, 70.0])
    contract = np.array(["One year", "Zwölf", ""], dtype=np.object_)
    inputs = []
    for column, values, kind in (("tenure", tenure, "FP64"), ("Contract", contract, "BYTES")):
        tensor = InferInput(column, [3], kind)
        if raw:
            tensor.set_data_from_numpy(values, binary_data=True)
        else:
            tensor.data = values.tolist()
        inputs.append(tensor)
    return InferRequest(model_name=name, infer_inputs=inputs, request_id="r-7")


def outputs(response: Any) -> dict[str, Any]:
    """A reply, as JSON can tell it."""
    told = {one.name: np.ravel(one.as_numpy()).tolist() for one in response.outputs}
    return {
        "model": response.model_name,
        "version": response.model_version,
        "id": response.id,
        "score": told["score"],
        "label": [text.decode() if isinstance(text, bytes) else text for text in told["label"]],
    }


async def rest(url: str) -> dict[str, Any]:
    """Over HTTP."""
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    told: dict[str, Any] = {
        "live": await client.is_server_live(url, headers=KEY),
        "ready": await client.is_server_ready(url, headers=KEY),
        "model_ready": await client.is_model_ready(url, "churn", headers=KEY),
    }
    for form in ("typed", "raw"):
        asked = request("churn", raw=form == "raw")
        told[form] = outputs(await client.infer(url, asked, model_name="churn", headers=dict(KEY)))
    try:
        await client.infer(url, request("secret", raw=False), model_name="secret", headers=dict(KEY))
    except httpx.HTTPStatusError as error:
        told["error"] = [error.response.status_code, str(error)]
    await client.close()
    return told


async def rpc(address: str) -> dict[str, Any]:
    """Over gRPC."""
    key = tuple(KEY.items())
    async with InferenceGRPCClient(address, retries=0) as client:
        told: dict[str, Any] = {
            "live": await client.is_server_live(headers=key),
            "ready": await client.is_server_ready(headers=key),
            "model_ready": await client.is_model_ready("churn", headers=key),
            "not_ready": await client.is_model_ready("secret", headers=key),
        }
        for form in ("typed", "raw"):
            told[form] = outputs(await client.infer(request("churn", raw=form == "raw"), headers=key))
        try:
            await client.infer(request("secret", raw=False), headers=key)
        except grpc.RpcError as error:
            told["error"] = [error.code().name, error.details()]
    return told


async def main() -> None:
    """Ask both."""
    print(json.dumps({"rest": await rest(sys.argv[1]), "rpc": await rpc(sys.argv[2])}))


asyncio.run(main())
