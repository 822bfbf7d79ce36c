"""Tiny ONNX models with the inputs and outputs of CLIP and DINOv2, for a whole run without their weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from runyard.services.compute.models.adding import add
from runyard.services.compute.models.card import ModelCard
from runyard.services.compute.models.known import KNOWN
from runyard.services.compute.models.shelf import Shelf
from runyard.services.compute.plugin import MediaError, Plugin, Result, Task

SIDE = 224
OPSET = 17


def weights(rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((rows, columns)).astype(np.float32)


def clip_like(path: Path, *, dim: int = 512, count: str | int = "N", scale: float = 1.0) -> Path:
    """Averages of 7 x 7 fields by a matrix: ``image_embeds`` [N, dim], after an output of another shape."""
    nodes = [
        helper.make_node("AveragePool", ["pixel_values"], ["fields"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("Flatten", ["fields"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["image_embeds"]),
    ]
    outputs = [("fields", [count, 3, 7, 7]), ("image_embeds", [count, dim])]
    return saved(path, nodes, outputs, weights(147, dim) * np.float32(scale), count=count)


def dino_like(path: Path, *, dim: int = 384) -> Path:
    """``last_hidden_state`` [N, 257, dim]: the mean colour first, then 256 patches."""
    nodes = [
        helper.make_node("AveragePool", ["pixel_values"], ["patches"], kernel_shape=[14, 14], strides=[14, 14]),
        helper.make_node("Reshape", ["patches", "rows"], ["listed"]),
        helper.make_node("Transpose", ["listed"], ["tokens"], perm=[0, 2, 1]),
        helper.make_node("ReduceMean", ["tokens"], ["whole"], axes=[1], keepdims=1),
        helper.make_node("Concat", ["whole", "tokens"], ["all"], axis=1),
        helper.make_node("MatMul", ["all", "weights"], ["last_hidden_state"]),
    ]
    rows = numpy_helper.from_array(np.array([0, 3, 256], np.int64), "rows")
    return saved(path, nodes, [("last_hidden_state", ["N", 257, dim])], weights(3, dim), also=[rows])


def saved(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    outputs: Sequence[tuple[str, list[str | int]]],
    matrix: np.ndarray,
    *,
    count: str | int = "N",
    also: Sequence[onnx.TensorProto] = (),
) -> Path:
    graph = helper.make_graph(
        list(nodes), "tiny",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [count, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(matrix, "weights"), *also],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def install(models: Path, name: str, file: Path) -> ModelCard:
    known = KNOWN[name]
    return add(Shelf(models), name, file, preparation=known.preparation, dim=known.dim, licence=known.licence)


def run_all(
    plugin: Plugin, folder: Path, models: Path, *contents: bytes, **params: object
) -> Sequence[Result | MediaError]:
    """What a plugin makes of files that wait together; their results lie below ``<number>/``."""
    tasks = []
    for number, content in enumerate(contents):
        here = folder / str(number)
        here.mkdir(exist_ok=True)
        (here / "input").write_bytes(content)
        tasks.append(
            Task(
                input=here / "input", name=f"{number}.png", params=plugin.parameters.model_validate(params),
                folder=here, models=models,
            )
        )  # fmt: skip
    return plugin.run(tasks)
