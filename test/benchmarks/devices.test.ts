import { strict as assert } from "node:assert";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { environmentAt, placesOf, visibleGpus } from "../../benchmarks/harness/devices";
import { temporaryFolder } from "../training/helpers";

describe("the devices of workers", () => {
  /** An environment whose nvidia-smi says this; without words there is none. */
  function machine(says?: string): NodeJS.ProcessEnv {
    const dir = temporaryFolder("programs");
    if (says !== undefined)
      fs.writeFileSync(path.join(dir, "nvidia-smi"), `#!/bin/sh\n[ "$1" = -L ] && /bin/cat <<'E'\n${says}\nE\n`, { mode: 0o755 }); // prettier-ignore
    return { PATH: dir };
  }

  it("are the GPUs that nvidia-smi lists, a divided one by its parts", function () {
    if (process.platform === "win32") this.skip(); // the program here is a shell script
    const list = [
      "GPU 0: NVIDIA H200 (UUID: GPU-5d1c0f1a-1111-2222-3333-444455556666)",
      "GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-c0ffee00-1111-2222-3333-444455556666)",
      "  MIG 3g.20gb     Device  0: (UUID: MIG-aaaaaaaa-1111-2222-3333-444455556666)",
      "  MIG 3g.20gb     Device  1: (UUID: MIG-bbbbbbbb-1111-2222-3333-444455556666)",
    ].join("\n");
    assert.deepEqual(visibleGpus(machine(list)), [
      "GPU-5d1c0f1a-1111-2222-3333-444455556666",
      "MIG-aaaaaaaa-1111-2222-3333-444455556666",
      "MIG-bbbbbbbb-1111-2222-3333-444455556666",
    ]);
    assert.deepEqual(visibleGpus(machine("No devices found.")), []);
    assert.deepEqual(visibleGpus(machine()), []);
  });

  it("are those of CUDA_VISIBLE_DEVICES where it is set, read as CUDA does", () => {
    for (const [named, expected] of [
      ["0,2", ["0", "2"]],
      [" GPU-a , GPU-b", ["GPU-a", "GPU-b"]],
      ["1,-1,0", ["1"]],
      ["-1", []],
      ["", []],
    ] as const)
      assert.deepEqual(visibleGpus({ ...machine(), CUDA_VISIBLE_DEVICES: named }), expected);
  });

  it("are cores for engines without a GPU: a Slurm task's own, or all", () => {
    assert.deepEqual(placesOf("wasm", false, {}), { workers: os.availableParallelism() });
    assert.deepEqual(placesOf("wasm", false, { SLURM_CPUS_PER_TASK: "1" }), { workers: 1 });
    assert.deepEqual(placesOf("wasm", false, { SLURM_CPUS_PER_TASK: "1000000" }), { workers: os.availableParallelism() }); // prettier-ignore
    assert.deepEqual(placesOf("webgpu", false, {}), { workers: 1 });
  });

  it("are shared in turn where there are more workers than GPUs, whose memory nobody then takes whole", () => {
    assert.deepEqual(environmentAt(1, 2, ["a", "b"]), { CUDA_VISIBLE_DEVICES: "b" });
    assert.deepEqual(environmentAt(2, 3, ["a", "b"]), { CUDA_VISIBLE_DEVICES: "a", TF_FORCE_GPU_ALLOW_GROWTH: "true" });
  });
});
