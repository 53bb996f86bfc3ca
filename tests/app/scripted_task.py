"""A stand-in for ``tenantry.app.task``: does what the job's payload says, in the same words on the same
pipes.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def main() -> None:
    order = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_die_with_worker, daemon=True).start()
    for step in order["claim"]["job"]["payload"]["steps"]:
        _step(step)


def _step(step: list) -> None:
    match step:
        case ["progress", stage, progress]:
            _send({"type": "progress", "stage": stage, "progress": progress, "detail": ""})
        case ["sleep", seconds]:
            time.sleep(seconds)
        case ["child", path]:
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            Path(path).write_text(f"{os.getpid()} {child.pid}")
        case ["noise"]:
            print("this is no message", flush=True)
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["once", path, then]:
            if not Path(path).exists():
                Path(path).touch()
                _step(then)
        case ["fail", code, transient]:
            _send(
                {"type": "failed", "error": {"error": "no", "code": code, "hint": ""}, "transient": transient}
            )
            sys.exit()
        case ["done", result]:
            _send({"type": "done", "result": result})
            sys.exit()


def _send(message: dict) -> None:
    print(json.dumps(message), flush=True)


def _die_with_worker() -> None:
    while os.read(0, 1):
        pass
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    main()
