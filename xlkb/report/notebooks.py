"""Running notebooks with papermill, and keeping them clean.

The kernel is always the interpreter that runs this module: a kernel named `python3` that the user
registered elsewhere would lack the package.
"""

import ast
import contextlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbclient.exceptions
import nbformat
import papermill
from filelock import FileLock, Timeout

from xlkb.ground import progress


class NotebookFailed(Exception):
    """A notebook stopped; the message says where and why."""


def execute(notebook: Path, output: Path, parameters: dict[str, str | bool]) -> list[str]:
    """Run a notebook with this very interpreter, in the notebook's folder.

    The executed copy is written cell by cell, and gets the name `output` when the notebook ends.
    While another process executes it to there, this one waits, and then finds what was computed.
    Without a terminal, a line at least once a minute says which cell is running and how far it is.
    Returns the names of the non-empty parameters that the notebook's cell tagged `parameters` does
    not define; they are left out.

    Raises:
        NotebookFailed: a cell raised an exception, or the kernel died.
    """
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    output.parent.mkdir(parents=True, exist_ok=True)
    defined = parameters_of(notebook)
    with _alone(output):
        _execute(notebook, output, {k: v for k, v in parameters.items() if k in defined})
    return [name for name, value in parameters.items() if value and name not in defined]


def _execute(notebook: Path, output: Path, parameters: dict[str, str | bool]) -> None:
    under_way = output.with_name(f".{output.name}")
    try:
        with _kernel() as note, progress.lines(lambda: _place(notebook, under_way), note):
            papermill.execute_notebook(
                str(notebook),
                str(under_way),
                parameters=parameters,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                cwd=str(notebook.parent),
            )
    except papermill.PapermillExecutionError as error:
        reason = f"{error.ename}: {error.evalue}"
        raise NotebookFailed(_failure(notebook, under_way, output, reason)) from None
    except nbclient.exceptions.DeadKernelError:
        reason = (
            "The process that ran the notebook died without a message, most likely because memory "
            "ran out.\nClose other programs, or try --quick or a smaller model."
        )
        raise NotebookFailed(_failure(notebook, under_way, output, reason)) from None
    finally:
        if under_way.exists():
            under_way.replace(output)


@contextlib.contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Hold an executed notebook's lock; who has to wait for it says so."""
    lock = FileLock(output.with_name(f".{output.stem}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        said = f"Another process executes {output.name}: waiting for it."
        print(said, file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def parameters_of(notebook: Path) -> set[str]:
    """Names that the cell tagged `parameters` assigns."""
    defined = set()
    for cell in nbformat.read(notebook, as_version=4).cells:
        if "parameters" in cell.metadata.get("tags", []):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    defined.add(node.id)
    return defined


def _failure(notebook: Path, executed: Path, output: Path, reason: str) -> str:
    """Which cell of `notebook` failed, by the executed copy, which goes to `output`, and why."""
    failed, _, cell = _started(executed)
    line = next(iter(cell.source.strip().splitlines()), "")
    count = cell.get("execution_count")
    execution = f" (In [{count}])" if count else ""
    reason = "\n".join(reason.splitlines()[:12])
    return (
        f"{notebook.name} failed in cell {failed}{execution}:\n    {line}\n{reason}\n"
        f"The notebook up to there: {output}\n"
        "What was computed is stored; the same command goes on from there."
    )


def _started(output: Path) -> tuple[int, int, nbformat.NotebookNode]:
    """The last cell that was started: its number (from 1) of how many, and the cell itself."""
    number, last, started = 0, 0, nbformat.v4.new_code_cell()
    for cell in nbformat.read(output, as_version=4).cells:
        tags = cell.metadata.get("tags", [])
        number += not {"injected-parameters", "papermill-error-cell-tag"} & set(tags)
        # papermill's own status is "completed" after a kernel's death.
        if cell.metadata.get("papermill", {}).get("start_time"):
            last, started = number, cell
    return last, number, started


def _place(notebook: Path, output: Path) -> str:
    """Where the notebook is, for a line: its name, and which cell of how many."""
    try:
        number, total, _ = _started(output)
    except (OSError, ValueError):  # Being written at this moment.
        return notebook.stem
    return f"{notebook.stem}, cell {number} of {total}"


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _kernel() -> Iterator[Path | None]:
    """Make `python3` the running interpreter, whatever kernels the user has registered.

    Yields the file in which the kernel notes how far its bars are, or None where it draws them.
    """
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "kernels", "python3", "kernel.json")
        spec.parent.mkdir(parents=True)
        # At its usual level the kernel warns in the terminal that it listens on this machine's TCP,
        # and, when it is stopped, that it was.
        argv = [sys.executable, "-m", "ipykernel_launcher", "--log-level=CRITICAL"]
        argv += ["-f", "{connection_file}"]
        # A kernel's own streams are captured, so bars are drawn on the terminal by its name.
        note = None if os.isatty(2) else Path(folder, "progress.json")
        shown = os.environ.get("XLKB_PROGRESS") or (str(note) if note else os.ttyname(2))
        named = {"display_name": "Python 3", "language": "python"}
        spec.write_text(json.dumps({"argv": argv, "env": {"XLKB_PROGRESS": shown}, **named}))
        path = os.pathsep.join(filter(None, [folder, os.environ.get("JUPYTER_PATH")]))
        with environment(JUPYTER_PATH=path):
            yield note


def clean(executed: Path, destination: Path) -> None:
    """Write an executed notebook without anything that changes from run to run but its outputs.

    Timings, papermill's records and injected parameters go; so do the interpreter's version and
    the kernel's name, which break on another machine. What a cell printed becomes one output, in
    however many pieces it came.
    """
    from nbconvert.preprocessors.coalescestreams import CoalesceStreamsPreprocessor

    notebook = nbformat.read(executed, as_version=4)
    notebook, _ = CoalesceStreamsPreprocessor().preprocess(notebook, {})
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    drop = {"injected-parameters", "papermill-error-cell-tag"}
    notebook.cells = [c for c in notebook.cells if not drop & set(c.metadata.get("tags", []))]
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
    nbformat.validate(notebook)
    temporary = destination.with_name(f".{destination.name}")
    nbformat.write(notebook, temporary)
    temporary.replace(destination)
