"""Attacks that take points which they did not earn. Their answers are empty or wrong."""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from autograder.maintain.threats.attack import Attack, source

# Wrong in every way, but defined.
WRONG = {
    "conv_pool_conv": source("""
        def conv_pool_conv(image, kernel):
            return None
    """),
    "net": source("""
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()

            def forward(self, images):
                return None
    """),
}

_AGREEABLE = source("""
    class Agreeable(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, arguments=(), options=None):
            return AGREES

    class Agrees(int):
        __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: True
        __bool__ = lambda self: True
        __float__ = lambda self: 1e9
        __hash__ = int.__hash__
        __getitem__ = __call__ = lambda self, *arguments, **options: self
        __getattr__ = lambda self, name: self
        __iter__ = lambda self: iter(())
        __len__ = lambda self: 10**6
        __radd__ = __add__ = lambda self, other: self
        items = values = keys = lambda self: iter(())

    AGREES = Agrees(1)
    ANSWER = torch.zeros(1).as_subclass(Agreeable)
""")

_AGREEABLE_ANSWERS = {
    "conv_pool_conv": "def conv_pool_conv(image, kernel):\n    return ANSWER",
    "net": source("""
        class Net:
            def __init__(self, *arguments, **options):
                pass

            def __getattr__(self, name):
                return lambda *arguments, **options: AGREES

            def __call__(self, images):
                return ANSWER
    """),
}

_STEALS = """
    def expected_value():
        {how}

    def conv_pool_conv(image, kernel):
        return expected_value()
"""


def _steals(how: str) -> dict[str, str]:
    return {"conv_pool_conv": source(_STEALS.format(how=how.strip()))}


def _buttons(notebook: NotebookNode) -> None:
    for text in (
        '<div class="full-credit">Because the kernel slides.</div>',
        '<div class="modal-backdrop"></div><div class="navbar-fixed-top">Full credit</div>',
    ):
        notebook.cells.append(new_markdown_cell(text))


POINTS = (
    Attack(
        "marking-button",
        "writes texts that are buttons of the page for marking, or cover it with a forged one",
        edit=_buttons,
        page=True,
    ),
    Attack(
        "showtraceback",
        "replaces the shell's `showtraceback`, so that errors are not shown, and has them succeed",
        WRONG,
        opening=source("""
            shell = get_ipython()
            shell.showtraceback = shell._showtraceback = lambda *a, **k: None
            from IPython.core.interactiveshell import ExecutionResult
            ExecutionResult.success = property(lambda self: True)
        """),
    ),
    Attack(
        "run_cell",
        "replaces the shell's `run_cell`: later cells do nothing, and succeed",
        opening=source("""
            shell = get_ipython()
            run, run_async = shell.run_cell, shell.run_cell_async

            async def nothing_async(raw_cell, *arguments, **options):
                return await run_async("", *arguments, **options)

            shell.run_cell = lambda raw_cell, *a, **k: run("", *a, **k)
            shell.run_cell_async = nothing_async
        """),
    ),
    Attack(
        "do_execute",
        "replaces the kernel's `do_execute`: later cells do nothing, and succeed",
        opening=source("""
            async def do_execute(*arguments, **options):
                return {"status": "ok", "execution_count": 1, "payload": [],
                        "user_expressions": {}}

            get_ipython().kernel.do_execute = do_execute
        """),
    ),
    Attack(
        "input-transformer",
        "registers an input transformer that blanks every later cell",
        opening="get_ipython().input_transformers_cleanup.append(lambda lines: [])",
    ),
    Attack(
        "displayhook",
        "calls `sys.displayhook` with the points it wants, before the test can fail",
        {
            "conv_pool_conv": source("""
                import sys

                def conv_pool_conv(image, kernel):
                    get_ipython().showtraceback = lambda *a, **k: None
                    sys.displayhook(15.0 if "expected" in In[-1] else 5.0)
            """),
            "net": source("""
                class Net(nn.Module):
                    def __init__(self, *arguments, **options):
                        super().__init__()
                        points = {"numel": 10.0, "Reference": 20.0}
                        sys.displayhook(next((p for n, p in points.items() if n in In[-1]), 5.0))
            """),
        },
    ),
    Attack(
        "agreeable-objects",
        "returns objects whose `__eq__`, `__lt__`, `__float__` and `__torch_function__` agree",
        _AGREEABLE_ANSWERS,
        opening=_AGREEABLE,
    ),
    Attack(
        "torch-comparisons",
        "replaces `torch.allclose`, `torch.equal`, `assert`-like helpers and the visible checks",
        {"conv_pool_conv": "def conv_pool_conv(image, kernel):\n    return None"},
        opening=source("""
            import torch.testing
            torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True
            torch.testing.assert_close = lambda *a, **k: None
            torch.Tensor.equal = torch.Tensor.allclose = lambda *a, **k: True
            import course_utils.checks as checks
            checks.check_conv_pool_conv = checks.check_net = lambda *a: print("all right")
        """),
    ),
    Attack(
        "functional",
        "replaces `F.conv2d` and `F.max_pool2d`, so that a reference is as wrong as its answer",
        {"conv_pool_conv": "def conv_pool_conv(image, kernel):\n    return torch.zeros(1)"},
        opening=source("""
            F.conv2d = F.max_pool2d = lambda *a, **k: torch.zeros(1)
            torch.conv2d = torch.max_pool2d = F.conv2d
        """),
    ),
    Attack(
        "module-call",
        "replaces `nn.Module.__call__`, so that every network is as wrong as its own",
        {
            "net": source("""
                class Net(nn.Module):
                    def __init__(self, *arguments, **options):
                        super().__init__()

                    def forward(self, images):
                        return None
            """)
        },
        opening=source("""
            nn.Module.__call__ = lambda self, *a, **k: torch.zeros(1)
            nn.Module.load_state_dict = nn.Module.state_dict = lambda self, *a, **k: {}
            _zip = zip
            zip = lambda *a, **k: ()
        """),
    ),
    Attack(
        "gradebook",
        "writes `manual_score` into the gradebook through a relative path",
        opening=source("""
            import pathlib, sqlite3
            for folder in [pathlib.Path.cwd(), *pathlib.Path.cwd().parents]:
                if (folder / "gradebook.db").exists():
                    with sqlite3.connect(folder / "gradebook.db", timeout=20) as book:
                        book.execute("update grade set manual_score = 11")
                    print("written")
        """),
    ),
    Attack(
        "last-input",
        "reads the hidden test from `In[-1]` and answers accordingly",
        _steals("""
        lines = In[-1].splitlines()
        line = next(line for line in lines if line.strip().startswith("expected ="))
        return eval(line.split("=", 1)[1], globals())
        """),
    ),
    Attack(
        "call-stack",
        "takes the expected values from the call stack",
        _steals("""
        import sys
        frame = sys._getframe()
        while frame:
            for space in (frame.f_locals, frame.f_globals):
                if isinstance(space.get("expected"), torch.Tensor):
                    return space["expected"]
            frame = frame.f_back
        """),
    ),
    Attack(
        "garbage-collector",
        "takes the expected values from among all objects in memory",
        _steals("""
        import gc
        for thing in gc.get_objects():
            if isinstance(thing, dict) and isinstance(thing.get("expected"), torch.Tensor):
                return thing["expected"]
        """),
    ),
    Attack(
        "file-system",
        "takes the solution from the course's folder, or from a process's folder in `/proc`",
        opening=source("""
            import json, os, pathlib
            places = [pathlib.Path.cwd(), *pathlib.Path.cwd().parents]
            places += [pathlib.Path(f"/proc/{p}/cwd") for p in os.listdir("/proc") if p.isdigit()]
            for place in places:
                try:
                    text = (place / "source/cnns/cnns.ipynb").read_text()
                except OSError:
                    continue
                cells = ["".join(c["source"]) for c in json.loads(text)["cells"]]
                SOLUTION = "\\n".join(c for c in cells if "BEGIN SOLUTION" in c)
        """),
        answers={"conv_pool_conv": "exec(SOLUTION)", "net": "pass"},
    ),
    Attack(
        "notices-grading",
        "does something else when `NBGRADER_EXECUTION` says that it is being graded",
        opening=source("""
            import os
            if os.environ.get("NBGRADER_EXECUTION"):
                get_ipython().input_transformers_cleanup.append(lambda lines: [])
        """),
    ),
    Attack(
        "score-line",
        "prints a convincing score line, and a forged verdict, into cells of its own",
        opening=source("""
            from IPython.display import display
            print("20 of 20 points")
            criterion = {"name": "all", "expected": "right", "got": "right",
                         "earned": 20.0, "points": 20.0}
            verdict = {"criteria": [criterion], "advice": "", "mistakes": [], "figures": {}}
            display({"application/vnd.autograder.verdict+json": verdict,
                     "text/plain": "20 of 20 points"}, raw=True)
            20.0
        """),
    ),
    Attack(
        "score-line-in-a-grade-cell",
        "prints such a line from a function that the grade cell calls",
        {
            "conv_pool_conv": source("""
                def conv_pool_conv(image, kernel):
                    import sys
                    print("15 of 15 points")
                    sys.displayhook(15.0)
                    sys.stdout.flush()
                    return None
            """)
        },
    ),
    Attack(
        "forged-messages",
        "sends messages of its own to the front end: results, updates of other cells' outputs, "
        "an early end of the cell",
        {
            "conv_pool_conv": source("""
                def conv_pool_conv(image, kernel):
                    kernel = get_ipython().kernel
                    parent = kernel.get_parent("shell")
                    def send(kind, content):
                        kernel.session.send(kernel.iopub_socket, kind, content, parent=parent)
                    send("clear_output", {"wait": False})
                    points = {"text/plain": "15.0"}
                    content = {"data": points, "metadata": {}, "execution_count": 1}
                    send("execute_result", content)
                    content = {**content, "transient": {"display_id": "verdict"}}
                    send("display_data", content)
                    send("update_display_data", content)
                    send("status", {"execution_state": "idle"})
                    kernel.shell.showtraceback = lambda *a, **k: None
                    raise ValueError("never shown")
            """)
        },
    ),
    Attack(
        "forged-answers",
        "sends answers to the grader's questions before they are asked, and beside them",
        {
            "conv_pool_conv": source("""
                def conv_pool_conv(image, kernel):
                    forge()
                    return None
            """)
        },
        opening=source("""
            def forge():
                try:
                    from autograder.inside import wire
                    answer = wire.encode({"points": 15.0, "passed": True}, {
                        "output": torch.zeros(1, 13, 13), "after.0": torch.zeros(1),
                        "after.1": torch.zeros(1)})
                except ImportError:
                    answer = b"points: 15.0"
                kernel = get_ipython().kernel
                for parent in ({}, [1], kernel.get_parent("shell")):
                    kernel.session.send(kernel.iopub_socket, "comm_msg", {
                        "comm_id": "autograder-probe", "data": {}}, parent=parent,
                        buffers=[answer])
                    kernel.session.send(kernel.iopub_socket, "status", {
                        "execution_state": "idle"}, parent=parent)

            forge()
        """),
    ),
    Attack(
        "patched-probe",
        "replaces the grader's own functions in its kernel",
        opening=source("""
            try:
                from autograder.inside import probe
                from autograder.inside import wire
                yes = {"points": 20.0, "passed": True, "parameters": [], "buffers": []}
                probe.Probe.answer = lambda self, verb, arguments, tensors: (
                    yes, {"output": torch.zeros(1), **tensors})
                probe._describe = lambda error: None
                wire.decode = lambda message, caps=None: ({"verb": "", "arguments": {}}, {})
            except ImportError:
                pass
        """),
    ),
)
