"""Behind HTTP: the engine on ONNX Runtime, the API, its limits and keys, the page. Nothing here needs torch."""
