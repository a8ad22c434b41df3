"""Runs the desk's own commands: an argument list, no shell, a time limit for the whole process group."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from typing import BinaryIO

from bot.domain.redacted import redacted
from bot.ports.commands import CommandOutcome, DeskCommand

ALWAYS_PASSED = ("PATH", "HOME", "LANG", "TZ")
KEPT = 2_000  # bytes of output: the end, where errors stand
ENDING = 2.0  # seconds for a killed process to be gone


class LocalCommands:
    """Runs on this machine, in `DeskCommand.folder` or the current one."""

    def run(self, command: DeskCommand, told: Mapping[str, str]) -> CommandOutcome:
        began = time.monotonic()
        passed = {
            name: os.environ[name] for name in (*ALWAYS_PASSED, *command.pass_env) if name in os.environ
        }
        with tempfile.TemporaryFile() as output:
            try:
                process = subprocess.Popen(
                    list(command.argv),
                    cwd=command.folder,
                    env={**passed, **told},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # so that what it starts ends with it
                )
            except (OSError, ValueError) as failure:
                return CommandOutcome(
                    None, time.monotonic() - began, "", f"could not be started: {failure}"[:300]
                )
            error: str | None = None
            code: int | None = None
            try:
                code = process.wait(command.timeout.total_seconds())
            except subprocess.TimeoutExpired:
                error = f"ended after its limit of {command.timeout.total_seconds():g} s"
            finally:
                _end_group(process)
            return CommandOutcome(code, time.monotonic() - began, _end_of(output), error)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill whatever is left of it, also children that outlived it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    try:
        process.wait(ENDING)
    except subprocess.TimeoutExpired:
        return  # stuck in the kernel; it is killed as soon as it comes back


def _end_of(output: BinaryIO) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - KEPT))
    return redacted(output.read().decode("utf-8", "replace"), KEPT)
