/** `npm test`: lint and format, then every test. Arguments go to mocha. The last line printed is the tests' count. */
import { spawnSync } from "node:child_process";

function step(name, args) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  return status ?? 1;
}

const checks = [
  ["lint", ["node_modules/eslint/bin/eslint.js", "."]],
  ["format", ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."]],
];
const failed = checks.filter(([name, args]) => step(name, args) !== 0).map(([name]) => name);
const tests = step("tests", ["node_modules/mocha/bin/mocha.js", ...process.argv.slice(2)]);
// Said before the count of tests would be too early, after it too late for those who read the last line: on the error stream.
for (const name of failed) console.error(`${name}: failed, see above`);
process.exitCode = failed.length > 0 || tests !== 0 ? 1 : 0;
