"""Times ONNX Runtime's inference on a network of torchvision or timm and prints one line of JSON, as
`receptive bench` does."""

import onnxruntime

from exported import arguments, exported, measure

given = arguments(__doc__)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = given.threads
with exported(given) as (path, images):
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
peer = f"onnxruntime {onnxruntime.__version__}"
measure(given, peer, "onnxruntime", images, lambda: session.run(None, {name: images}))
