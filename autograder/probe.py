"""The only file of the grader that runs on the untrusted side.

A `Probe` holds the student's namespace and answers requests with data, never with verdicts. Each
request is a verb, JSON arguments and named tensors; each answer is JSON fields and named tensors.
In the sandbox the whole package `autograder` consists of this file and `wire.py`.
"""

from __future__ import annotations

import contextlib
import os
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.training import Protocol, Training, predict

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
    """

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._models: dict[str, nn.Module] = {}
        self._trainings: dict[str, Training] = {}
        self._verbs: dict[str, Callable[..., Answer]] = {
            "call": self._call,
            "build": self._build,
            "load": self._load,
            "state": self._state,
            "forward": self._forward,
            "trace": self._trace,
            "train": self._train,
            "predict": self._predict,
        }

    def answer(
        self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> Answer:
        """Returns the answer to one request; an exception becomes the field `error`.

        What the student's code prints meanwhile, or warns of, is dropped.
        """
        try:
            with _quiet():
                return self._verbs[verb](dict(tensors), **arguments)
        except BaseException as error:  # SystemExit and the interrupt of a timeout count too
            return {"error": _describe(error)}, {}

    def _call(self, tensors: Tensors, name: str) -> Answer:
        """Calls a function with the tensors "0", "1", ...; also returns these as it left them."""
        function = self._lookup(name)
        arguments = [tensors[str(index)] for index in range(len(tensors))]
        output = function(*arguments)
        after = {f"after.{index}": argument for index, argument in enumerate(arguments)}
        return {}, {"output": _as_tensor(output, f"{name}(...)"), **after}

    def _build(
        self, tensors: Tensors, name: str, handle: str, arguments: Fields, seed: int
    ) -> Answer:
        """Builds a model, feeds it one zero batch if it has lazy layers, lists its tensors."""
        torch.manual_seed(seed)
        model = self._lookup(name)(**arguments)
        if not isinstance(model, nn.Module):
            raise WrongKind(f"expected {name}() to be an nn.Module, got {type(model).__name__}")
        if any(nn.parameter.is_lazy(parameter) for parameter in model.parameters()):
            model.eval()
            with torch.no_grad():
                model(tensors["sample"])
        self._models[handle] = model
        self._trainings.pop(handle, None)
        return {"parameters": _list_parameters(model), "buffers": _list_buffers(model)}, {}

    def _state(self, tensors: Tensors, handle: str) -> Answer:
        """Returns every parameter and buffer by name."""
        return {}, _named_tensors(self._models[handle])

    def _load(self, tensors: Tensors, handle: str) -> Answer:
        """Copies tensors into the parameters and buffers of the same names."""
        targets = _named_tensors(self._models[handle])
        with torch.no_grad():
            for name, value in tensors.items():
                targets[name].copy_(value.reshape(targets[name].shape))
        return {}, {}

    @torch.no_grad()
    def _forward(self, tensors: Tensors, handle: str) -> Answer:
        """Returns the model's output for "images" in eval mode."""
        model = self._models[handle].eval()
        return {}, {"output": _as_tensor(model(tensors["images"]), "forward(...)")}

    @torch.no_grad()
    def _trace(self, tensors: Tensors, handle: str) -> Answer:
        """Returns the output of each submodule, in the order of the calls."""
        model = self._models[handle].eval()
        outputs: Tensors = {}
        names: list[str] = []

        def record(name: str) -> Callable[[nn.Module, Any, Any], None]:
            def hook(module: nn.Module, inputs: Any, output: Any) -> None:
                if isinstance(output, Tensor):
                    outputs[str(len(names))] = output.clone()
                    names.append(name)

            return hook

        hooks = [m.register_forward_hook(record(n)) for n, m in model.named_modules() if n]
        try:
            model(tensors["images"])
        finally:
            for hook in hooks:
                hook.remove()
        return {"names": names}, outputs

    def _train(
        self, tensors: Tensors, handle: str, protocol: Fields, seed: int, steps: int
    ) -> Answer:
        """Trains on "digits" and "labels" for `steps` more steps of the protocol."""
        if handle not in self._trainings:
            self._trainings[handle] = Training(
                self._models[handle],
                tensors["digits"],
                tensors["labels"],
                protocol=Protocol(**protocol),
                seed=seed,
            )
        training = self._trainings[handle]
        training.run(steps)
        return {}, {}

    def _predict(self, tensors: Tensors, handle: str, quadrant: str) -> Answer:
        """Returns logits for "digits" placed in a quadrant."""
        return {}, {"logits": predict(self._models[handle], tensors["digits"], quadrant)}

    def _lookup(self, name: str) -> Any:
        if name not in self._namespace:
            raise Missing(f"{name} is not defined")
        found = self._namespace[name]
        if not callable(found):
            raise WrongKind(f"expected {name} to be callable, got {type(found).__name__}")
        return found


def _list_parameters(model: nn.Module) -> list[Fields]:
    """Returns each parameter once, in the order of registration, with the module that owns it."""
    unique = {name for name, _ in model.named_parameters()}
    listed = [
        {"name": f"{prefix}.{name}" if prefix else name, "shape": list(parameter.shape)}
        | {"owner": prefix}
        for prefix, module in model.named_modules()
        for name, parameter in module.named_parameters(recurse=False)
    ]
    return [parameter for parameter in listed if parameter["name"] in unique]


def _list_buffers(model: nn.Module) -> list[Fields]:
    return [{"name": name, "shape": list(buffer.shape)} for name, buffer in model.named_buffers()]


def _named_tensors(model: nn.Module) -> Tensors:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _as_tensor(output: Any, what: str) -> Tensor:
    if not isinstance(output, Tensor):
        raise WrongKind(f"expected {what} to return a tensor, got {type(output).__name__}")
    return output


def _describe(error: BaseException) -> Fields:
    """Returns the type, the message and the student's own line of an exception."""
    lines = [
        frame.line
        for frame in traceback.extract_tb(error.__traceback__)
        if "ipykernel" in frame.filename or frame.filename.startswith("<")
    ]
    return {"type": type(error).__name__, "message": str(error)[:500], "line": (lines or [""])[-1]}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with (
        open(os.devnull, "w") as sink,
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def serve() -> None:
    """Returns nothing; answers the judge's requests over a comm of the kernel that runs this."""
    from IPython import get_ipython

    from autograder import wire

    shell = get_ipython()
    probe = Probe(shell.user_ns)

    def open_comm(comm: Any, message: Mapping[str, Any]) -> None:
        def respond(message: Mapping[str, Any]) -> None:
            fields, tensors = wire.decode(bytes(message["buffers"][0]))
            answer_fields, answer = probe.answer(fields["verb"], fields["arguments"], tensors)
            comm.send(buffers=[wire.encode(answer_fields, answer)])

        comm.on_msg(respond)

    shell.kernel.comm_manager.register_target("autograder", open_comm)
