"""Run one Pulumi program in this process. Started by the language host, once for every run.

Reads one JSON object from standard input (the engine's RunRequest) and behaves like the SDK's own exec shim
(sdk/python/cmd/pulumi-language-python-exec): exit status 0, 1 after a crash, 32 when the error was already
shown.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime

ALREADY_SHOWN = 32
_PR_SET_PDEATHSIG = 1  # prctl(2)


def _configure(request: dict[str, Any]) -> None:
    pulumi.runtime.set_all_config(request["config"], request["config_secret_keys"])
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=request["monitor"],
            engine=request["engine"],
            project=request["project"],
            stack=request["stack"],
            parallel=request["parallel"],
            dry_run=request["dry_run"],
            organization=request["organization"],
            root_directory=request["root_directory"],
        )
    )


def _program_trace(program: Path) -> str:
    """The traceback from the program's first own line on; the frames before it are ours and the SDK's."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    own = next(
        (number for number, frame in enumerate(frames) if Path(frame.filename).parent == program), len(frames)
    )
    return traceback.format_exc(limit=own - len(frames)) if own < len(frames) else traceback.format_exc()


def main() -> int:
    """Run the program that standard input describes."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # no program outlives its language host
    request = json.load(sys.stdin)
    _configure(request)
    program = Path(request["program"])
    os.chdir(request["pwd"])
    sys.argv = [str(program)]
    sys.path[0] = str(program)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(request["parallel"], 1) * 4)
    loop.set_default_executor(executor)
    # A failed resource leaves futures that nobody observes; asyncio would report every one of them.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    def run() -> None:
        runpy.run_path(str(program / "__main__.py"), run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception:  # noqa: BLE001 - the program's own failure, whatever it is, goes to the engine
        pulumi.log.error("Program failed with an unhandled exception:\n" + _program_trace(program))
        return ALREADY_SHOWN
    finally:
        executor.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
