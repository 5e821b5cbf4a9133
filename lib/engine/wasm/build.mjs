/**
 * Compiles the kernels: node lib/engine/wasm/build.mjs [folder]   (default dist/lib/engine/wasm)
 * Two modules: strict (the same bits everywhere) and relaxed (fused multiply-add). Nothing is done where both are newer than
 * their sources.
 */
import asc from "assemblyscript/asc";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { productSource } from "./tiles.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const sources = path.join(here, "assembly");

export async function buildKernels(out = path.join(here, "../../../dist/lib/engine/wasm")) {
  fs.mkdirSync(out, { recursive: true });
  const inputs = fs
    .readdirSync(sources)
    .map((f) => path.join(sources, f))
    .concat(path.join(here, "tiles.mjs"), path.join(here, "build.mjs"));
  const newest = Math.max(...inputs.map((f) => fs.statSync(f).mtimeMs));
  for (const flavour of ["strict", "relaxed"]) {
    const target = path.join(out, `kernels-${flavour}.wasm`);
    if (fs.existsSync(target) && fs.statSync(target).mtimeMs > newest) continue;
    const relaxed = flavour === "relaxed";
    const { error, stderr } = await asc.main(
      // The memory is the backend's: no data of ours may lie in it, so no run time and no statics.
      [
        "index.ts",
        "--outFile",
        "kernels.wasm",
        "-O3",
        "--noAssert",
        "--runtime",
        "stub",
        "--importMemory",
        "--use",
        "abort=",
        "--enable",
        "simd",
        "--enable",
        "bulk-memory",
        ...(relaxed ? ["--enable", "relaxed-simd"] : []),
      ],
      {
        readFile: (name) =>
          path.basename(name) === "products.ts"
            ? productSource(relaxed)
            : read(path.join(sources, path.basename(name))),
        writeFile: (name, contents) => {
          if (!name.endsWith(".wasm")) return;
          fs.writeFileSync(`${target}.part`, contents);
          fs.renameSync(`${target}.part`, target);
        },
        listFiles: () => [],
      },
    );
    if (error) throw new Error(`kernels (${flavour}): ${error.message}\n${stderr.toString()}`);
  }
}

function read(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : null;
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  buildKernels(process.argv[2]).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
