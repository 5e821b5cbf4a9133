"""Presses the stop button of a kernel (SIGINT, as JupyterLab does) and prints what came of it, as JSON."""

import json
import sys
import time

from jupyter_client.manager import start_new_kernel

LOOP = "let n = 0;\nwhile (true) n++;"
WORK = """await interruptible(async (signal) => {
  console.log("began");
  let steps = 0;
  while (!signal.aborted) { steps++; await new Promise((r) => setTimeout(r, 5)); }
  console.log(`stopped ${signal.aborted}, kept ${steps > 0 ? "some" : "nothing"}`);
});"""
DEAF = """await interruptible(async () => {
  console.log("began");
  await new Promise((r) => setTimeout(r, 60000));
});"""

manager, client = start_new_kernel(kernel_name="tslab", cwd=sys.argv[1], startup_timeout=60)


def run(code, presses=0, after="began"):
    """Executes a cell; presses stop once it has printed `after` (or at once). What it printed, and its reply."""
    request = client.execute(code)
    text, pressed, since = "", 0, time.time()
    while True:
        ready = after in text if after else time.time() - since > 1.0
        if pressed < presses and ready:
            time.sleep(0.3)
            manager.interrupt_kernel()
            pressed += 1
        try:
            message = client.get_iopub_msg(timeout=0.2)
        except Exception:
            if time.time() - since > 30:
                return {"status": "hangs"}
            continue
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["msg_type"] == "stream":
            text += message["content"]["text"]
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            break
    while True:
        message = client.get_shell_msg(timeout=10)
        if message["parent_header"].get("msg_id") == request:
            break
    reply = message["content"]
    if reply["status"] == "error":
        return {"status": "error", "ename": reply.get("ename")}
    return {"status": reply["status"], "text": text.replace("began\n", "")}


try:
    run('import { interruptible } from "../dist/lib/display";')
    results = {"loop": run(LOOP, presses=1, after="")}
    time.sleep(0.5)
    results["kept"] = run(WORK, presses=1)
    results["twice"] = run(DEAF, presses=2)
    time.sleep(0.5)
    results["alive"] = run("1 + 1")
    print(json.dumps(results))
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
