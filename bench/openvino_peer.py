"""Times OpenVINO's inference on a network of torchvision or timm and prints one line of JSON, as `receptive bench`
does. Computes in 32-bit floats, like the others."""

import openvino

from exported import arguments, exported, measure

given = arguments(__doc__)
core = openvino.Core()
settings = {
    "INFERENCE_NUM_THREADS": given.threads,
    "INFERENCE_PRECISION_HINT": "f32",
    "NUM_STREAMS": 1,
    "PERFORMANCE_HINT": "LATENCY",
}
with exported(given) as (path, images):
    model = core.compile_model(core.read_model(path), "CPU", settings)
request = model.create_infer_request()
version = openvino.__version__.split("-")[0]
measure(given, f"openvino {version}", "openvino", images, lambda: request.infer({0: images}))
