// Starts the project's TypeScript kernel. kernel.json names this file relative to itself, so nothing has to be installed.
const { existsSync } = require("node:fs");
const { resolve } = require("node:path");

const kernel = resolve(__dirname, "../../../../dist/benchmarks/jupyter/kernel.js");
if (!existsSync(kernel)) {
  console.error(
    `The TypeScript kernel is not built: expected ${kernel}. Run "npm run build" (or start with "npm run lab").`,
  );
  process.exit(1);
}
require(kernel).startKernel(process.argv[2]);
