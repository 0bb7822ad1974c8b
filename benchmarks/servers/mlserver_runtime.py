"""MLServer is used with a custom inference runtime, as its documentation teaches; each file is one model."""

from __future__ import annotations

from pathlib import Path

from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import get_model_uri

from benchmarks.servers import graphs


class OnnxRuntime(MLModel):
    async def load(self) -> bool:
        self.graph = graphs.load(Path(await get_model_uri(self._settings)))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        tensor = payload.inputs[0]
        if self.graph.size_px is None:
            inputs = self.decode(tensor, default_codec=NumpyCodec)
        else:
            inputs = self.graph.decode(
                self.decode(tensor, default_codec=Base64Codec)[0]
            )

        label = NumpyCodec.encode_output("label", self.graph.labels(inputs))

        return InferenceResponse(
            model_name=self.name, model_version=self.version, outputs=[label]
        )
