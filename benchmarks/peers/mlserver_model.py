"""MLServer's runtime for these models; all are loaded at its start."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from sessions import open_session, score


class Scorer(MLModel):
    async def load(self) -> bool:
        self.session = open_session(self.name)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32)
        output = NumpyCodec.encode_output("score", score(self.session, rows))
        return InferenceResponse(model_name=self.name, outputs=[output])
