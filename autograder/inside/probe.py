"""Answers the judge's requests on the untrusted side.

A `Probe` holds the student's namespace and answers requests with data, never with verdicts. Each
request is a verb, JSON arguments and named tensors; each answer is JSON fields and named tensors.
In the sandbox the whole package `autograder` consists of this folder.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from autograder.inside.steps import Steps
from autograder.inside.structure import MAX_LEAVES, OddStructure, pack, unpack
from course_utils import protocol as shared_protocol

Fields = dict[str, Any]
Tensors = dict[str, Tensor]
Answer = tuple[Fields, Tensors]


class Missing(Exception):
    """The student's notebook does not define the name that was asked for."""


class WrongKind(Exception):
    """The student's object is not what the exercise asks for."""


class Probe:
    """Answers requests about the objects in a namespace.

    Args:
        namespace: the student's variables, read afresh at each request.
        training: the module `course_utils.protocol`, or a copy that the student's code has not.
    """

    def __init__(
        self, namespace: Mapping[str, Any], training: ModuleType = shared_protocol
    ) -> None:
        self._namespace, self._training = namespace, training
        self._models: dict[str, nn.Module] = {}
        self._trainings: dict[str, shared_protocol.Training] = {}
        self._verbs: dict[str, Callable[..., Answer]] = {
            "call": self._call,
            "steps": self._steps,
            "build": self._build,
            "load": self._load,
            "state": self._state,
            "forward": self._forward,
            "trace": self._trace,
            "reached": self._reached,
            "train": self._train,
            "predict": self._predict,
            "apply": self._apply,
            "run": self._run,
        }

    def answer(
        self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> Answer:
        """Return the answer to one request; an exception becomes the field `error`.

        What the student's code prints meanwhile, or warns of, is dropped.
        """
        try:
            with _quiet(), _standard_settings():
                return self._verbs[verb](dict(tensors), **arguments)
        except BaseException as error:  # SystemExit and the interrupt of a timeout count too
            return {"error": _describe(error)}, {}

    def _call(self, tensors: Tensors, name: str, seed: int | None = None) -> Answer:
        """Call a function with the tensors "0", "1", ..., and return these as it left them."""
        function = self._lookup(name)
        if seed is not None:
            torch.manual_seed(seed)
        arguments = [tensors[str(index)] for index in range(len(tensors))]
        output = function(*arguments)
        after = {f"after.{index}": argument for index, argument in enumerate(arguments)}
        fields, returned = _returned(output)
        return fields, {**returned, **after}

    def _steps(self, tensors: Tensors, name: str, seed: int) -> Answer:
        """Call a function, and return what went in and out of its steps too, as "seen.0", ..."""
        function, steps = self._lookup(name), Steps()
        torch.manual_seed(seed)
        arguments = [tensors[str(index)] for index in range(len(tensors))]
        with steps:
            output = function(*arguments)
        fields, returned = _returned(output)
        seen = {f"seen.{key}": tensor for key, tensor in steps.seen.items()}
        return fields, {**returned, **seen}

    def _build(
        self,
        tensors: Tensors,
        name: str,
        handle: str,
        arguments: Fields,
        seed: int,
        inputs: Any = None,
    ) -> Answer:
        """Build a model, feed it the sample if it has lazy layers, list its tensors.

        The sample is the tensor "sample", or all arguments of `forward` as `inputs` names them.
        """
        torch.manual_seed(seed)
        model = self._lookup(name)(**arguments)
        if not isinstance(model, nn.Module):
            raise WrongKind(f"expected {name}() to be an nn.Module, got {type(model).__name__}")
        if any(nn.parameter.is_lazy(parameter) for _, parameter, _ in _parameters(model)):
            model.eval()
            with torch.no_grad():
                model(*([tensors["sample"]] if inputs is None else unpack(inputs, tensors)))
        self._models[handle] = model
        self._trainings.pop(handle, None)
        return {"parameters": _list_parameters(model)}, {}

    def _state(self, tensors: Tensors, handle: str) -> Answer:
        """Return every parameter and buffer by name."""
        return {}, _named_tensors(self._models[handle])

    def _load(self, tensors: Tensors, handle: str) -> Answer:
        """Copy tensors into the parameters and buffers of the same names."""
        targets = _named_tensors(self._models[handle])
        with torch.no_grad():
            for name, value in tensors.items():
                targets[name].copy_(value.reshape(targets[name].shape))
        return {}, {}

    @torch.no_grad()
    def _forward(self, tensors: Tensors, handle: str) -> Answer:
        """Return the model's output for "images" in eval mode."""
        model = self._models[handle].eval()
        return _returned(model(tensors["images"]))

    @torch.no_grad()
    def _trace(self, tensors: Tensors, handle: str) -> Answer:
        """Return what goes in and out of the network's steps until the end or the first error."""
        model, steps = self._models[handle].eval(), Steps(len(tensors["images"]))
        hooks = []
        try:
            for name, module in _modules(model):
                if name:
                    hooks += [module.register_forward_pre_hook(steps.before)]
                    hooks += [module.register_forward_hook(steps.after)]
            with contextlib.suppress(Exception), steps:
                steps.record(model(tensors["images"]))
        finally:
            for hook in hooks:
                hook.remove()
        return {}, steps.seen

    def _reached(self, tensors: Tensors, handle: str) -> Answer:
        """Return which parameters a gradient of the model's output reaches, in eval mode."""
        model = self._models[handle].eval()
        learning = {name: p for name, p, _ in _parameters(model) if p.requires_grad}
        held = _held(model(tensors["images"]))
        sums = [tensor.sum() for tensor in held if tensor.requires_grad]
        if not sums or not learning:
            return {"reached": []}, {}
        gradients = torch.autograd.grad(sums, list(learning.values()), allow_unused=True)
        pairs = zip(learning, gradients, strict=True)
        return {"reached": [name for name, gradient in pairs if gradient is not None]}, {}

    def _train(
        self,
        tensors: Tensors,
        handle: str,
        protocol: Fields,
        seed: int,
        steps: int,
        padding: shared_protocol.Padding,
    ) -> Answer:
        """Train for `steps` more steps on the "inputs" and "labels" that came first."""
        if handle not in self._trainings:
            self._trainings[handle] = self._training.Training(
                self._models[handle],
                tensors["inputs"],
                tensors["labels"],
                protocol=self._training.Protocol(**protocol),
                seed=seed,
                padding=padding,
            )
        self._trainings[handle].run(steps)
        return {}, {}

    def _predict(self, tensors: Tensors, handle: str, padding: shared_protocol.Padding) -> Answer:
        """Return logits for "inputs" with zeros laid around."""
        return {}, {
            "logits": self._training.predict(self._models[handle], tensors["inputs"], padding)
        }

    def _apply(self, tensors: Tensors, name: str, inputs: Any) -> Answer:
        """Call a function with any arguments, and return these as it left them."""
        function, arguments = self._lookup(name), unpack(inputs, tensors)
        return _packed(function(*arguments), f"{name}(...)", tensors)

    @torch.no_grad()
    def _run(self, tensors: Tensors, handle: str, inputs: Any, training: bool) -> Answer:
        """Return the model's output for any arguments, in eval or in training mode."""
        model = self._models[handle].train(training)
        return _packed(model(*unpack(inputs, tensors)), "forward(...)", {})

    def _lookup(self, name: str) -> Any:
        if name not in self._namespace:
            raise Missing(f"{name} is not defined: did its cell fail, or was its name changed?")
        found = self._namespace[name]
        if not callable(found):
            raise WrongKind(f"expected {name} to be callable, got {type(found).__name__}")
        return found


def _modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield each module once with its dotted name, the model itself as ""; no override counts."""
    seen: set[int] = set()
    stack: list[tuple[str, nn.Module]] = [("", model)]
    while stack:
        name, module = stack.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield name, module
        children = [
            (f"{name}.{k}".lstrip("."), m) for k, m in module._modules.items() if m is not None
        ]
        stack += reversed(children)


def _parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter, nn.Module]]:
    """Yield each parameter once, with its module's name and its own, and its module."""
    seen: set[int] = set()
    for prefix, module in _modules(model):
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) not in seen:
                seen.add(id(parameter))
                yield f"{prefix}.{name}".lstrip("."), parameter, module


def _list_parameters(model: nn.Module) -> list[Fields]:
    """Return each parameter once, in the order of registration, with the module that owns it."""
    return [
        {
            "name": name,
            "shape": list(parameter.shape),
            "owner": name.rpartition(".")[0],
            "kind": type(module).__name__,
        }
        for name, parameter, module in _parameters(model)
    ]


def _named_tensors(model: nn.Module) -> Tensors:
    buffers = {
        f"{prefix}.{name}".lstrip("."): buffer
        for prefix, module in _modules(model)
        for name, buffer in module._buffers.items()
        if buffer is not None
    }
    return {**{name: parameter for name, parameter, _ in _parameters(model)}, **buffers}


def _returned(output: Any) -> Answer:
    """Return a tensor as "output"; of another value its kind, and the tensors that it holds."""
    if isinstance(output, Tensor):
        return {}, {"output": output}
    held = {f"held.{index}": tensor for index, tensor in enumerate(_held(output))}
    return {"kind": type(output).__name__}, held


def _held(output: Any) -> list[Tensor]:
    """Return the tensors in a tuple, list or dict; of an array, or of numbers, one tensor."""
    parts = list(output.values()) if isinstance(output, dict) else output
    if isinstance(parts, tuple | list) and any(isinstance(part, Tensor) for part in parts):
        return [part for part in parts if isinstance(part, Tensor)][:MAX_LEAVES]
    try:
        return [torch.as_tensor(parts)]
    except (TypeError, ValueError, RuntimeError):  # torch: no numbers, or none of one shape
        return []


def _packed(output: Any, what: str, arguments: Tensors) -> Answer:
    """Return an output of any structure, and the arguments' tensors as they were left."""
    try:
        structure, tensors = pack(output, "output")
    except OddStructure as odd:
        raise WrongKind(f"expected {what} to return tensors, got {odd}") from odd
    return {"output": structure}, {**tensors, **{f"after.{k}": v for k, v in arguments.items()}}


def _describe(error: BaseException) -> Fields:
    """Return the type and message of an exception, the student's own line, and what it is in."""
    lines, places = [], []
    walked = list(traceback.walk_tb(error.__traceback__))
    for (frame, _), summary in zip(walked, traceback.extract_tb(error.__traceback__), strict=True):
        if "ipykernel" in summary.filename or summary.filename.startswith("<"):
            lines.append(summary.line)
            places.append(frame.f_code.co_qualname)
    try:
        message = str(error)[:500]
    except Exception:  # an exception's own __str__ may fail
        message = ""
    return {
        "type": type(error).__name__,
        "message": message,
        "line": (lines or [""])[-1],
        "place": (places or [""])[-1],
    }


@contextlib.contextmanager
def _standard_settings() -> Iterator[None]:
    """Set what a notebook may have changed for everything in it, and put it back afterwards."""
    dtype, precision = torch.get_default_dtype(), torch.get_float32_matmul_precision()
    device = torch.get_default_device()
    torch.set_default_dtype(torch.float32)
    torch.set_float32_matmul_precision("highest")
    torch.set_default_device(None)
    try:
        with torch.enable_grad(), torch.autocast("cpu", enabled=False):
            yield
    finally:
        torch.set_default_device(None if device.type == "cpu" else device)
        torch.set_default_dtype(dtype)
        torch.set_float32_matmul_precision(precision)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with (
        open(os.devnull, "w", encoding="utf-8") as sink,
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def serve(*, showing: bool = True) -> None:
    """Answer the judge's requests over a comm of the kernel that runs this.

    What answers is held here alone: a cell that imports these modules gets others.

    Args:
        showing: whether the figures of cells are drawn.
    """
    from IPython import get_ipython
    from matplotlib_inline.config import InlineBackend

    from autograder.inside import devices, leaving, stand_ins, wire
    from autograder.inside.absent import Absent

    shell, absent = get_ipython(), Absent()
    stand_ins.install(shell, absent)
    devices.install(absent)
    leaving.install(shell, absent)
    answer = Probe(shell.user_ns, _own_copy("course_utils.protocol")).answer
    encode, decode = wire.encode, wire.decode
    if not showing:
        InlineBackend.instance(parent=shell).figure_formats = set()

    def open_comm(comm: Any, message: Mapping[str, Any]) -> None:
        def respond(message: Mapping[str, Any]) -> None:
            fields, tensors = decode(bytes(message["buffers"][0]))
            if fields["verb"] == "absent":
                comm.send(buffers=[encode({"absent": absent.asked}, {})])
                return
            absent.answering = True
            try:
                given, tensors = answer(fields["verb"], fields["arguments"], tensors)
            finally:
                absent.answering = False
            comm.send(buffers=[encode(given, tensors)])

        comm.on_msg(respond)

    shell.kernel.comm_manager.register_target("autograder", open_comm)
    for name in [name for name in sys.modules if name.split(".")[0] == "autograder"]:
        del sys.modules[name]


def _own_copy(name: str) -> ModuleType:
    """Return a copy of a module that no other module has."""
    spec = importlib.util.find_spec(name)
    assert spec is not None, "it is installed"
    assert spec.loader is not None, "it is a file"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
