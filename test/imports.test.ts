/** Who may import whom (README, "Layout"): data flows data -> models -> training -> benchmarks -> results; imports point back only. */
import * as assert from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const root = join(__dirname, "..", "..");

/** Folder of lib -> folders of lib that it may import; a path with a slash is one file of a folder. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: ["core"],
  engine: ["core", "engine"],
  data: ["core", "data"],
  metrics: ["core", "metrics"],
  layers: ["core", "engine", "layers"],
  models: ["core", "layers", "engine/ops", "engine/graph", "engine/engine", "models"],
  training: ["core", "engine", "data", "metrics", "layers", "models", "training"],
  report: ["core", "metrics", "report", "training/record", "results/paper.json"],
  display: ["core", "metrics", "report", "display"],
  notebook: ["core", "engine", "data", "metrics", "layers", "models", "training", "report", "display", "notebook"],
};

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && e.name.endsWith(".ts") && !e.parentPath.includes(join("wasm", "assembly")))
    .map((e) => join(e.parentPath, e.name));
}

/** Relative imports of a file, as paths from the root. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const found = [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|\brequire\s*\(\s*|^import\s+)["'](\.[^"']*)["']/gm)];
  return found.map((m) => relative(root, join(dirname(file), m[1])).replaceAll("\\", "/"));
}

describe("imports", () => {
  it("point back only: each folder of lib imports what its place allows", () => {
    const breaches: string[] = [];
    for (const file of sources(join(root, "lib"))) {
      const [, folder] = relative(root, file).replaceAll("\\", "/").split("/");
      if (!(folder in allowed)) continue; // lib/index.ts, the public door
      for (const target of importsOf(file)) {
        const path = target.replace(/^lib\//, "");
        if (!allowed[folder].some((a) => path === a || path.startsWith(`${a}/`)))
          breaches.push(
            `${relative(root, file)}: expected imports of ${allowed[folder].join(", ")}, found ${target}; move what is shared to core.`,
          );
      }
    }
    assert.deepStrictEqual(breaches, []);
  });

  it("never come from tests, results or notebooks", () => {
    const breaches = [...sources(join(root, "lib")), ...sources(join(root, "benchmarks"))].flatMap((file) =>
      importsOf(file)
        .filter((target) => /^(test|results|notebooks)\//.test(target) && target !== "results/paper.json")
        .map((target) => `${relative(root, file)} imports ${target}`),
    );
    assert.deepStrictEqual(breaches, []);
  });

  it("leave Math.random alone: randomness is an argument", () => {
    const users = [...sources(join(root, "lib")), ...sources(join(root, "benchmarks"))].filter((file) =>
      /Math\.random\s*\(/.test(readFileSync(file, "utf8")),
    );
    assert.deepStrictEqual(users, []);
  });
});
