/**
 * npm run engine:tensorflow -- [cpu|gpu]: makes the TensorFlow engine available on this machine, in `.engines/tensorflow`.
 *
 * The official binary of tfjs-node is tried first; its download host is often out of reach and its GPU build is for CUDA 11.2.
 * Otherwise its native module, two C++ files of the npm package, is compiled against the C library in TensorFlow's Python wheel
 * (Linux). Every file is pinned by version and hash. Work is done in `tensorflow.part`, where finished downloads are kept, and the
 * folder gets its name once a computation in a process of its own has given the right numbers.
 */
import { spawnSync, type SpawnSyncOptions } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { EngineError, UsageError } from "../lib/core/errors";
import { enginesFolder, type Installed, installedTensorflow } from "../lib/engine/tensorflow/installed";
import { selfTest } from "../lib/engine/tensorflow/self-test";
import { entry, parse } from "./cli";

const usage = `usage: npm run engine:tensorflow -- [cpu|gpu] [--from official|wheel] [--fresh]

Makes --engine tensorflow available on this machine: tfjs-node over TensorFlow, in .engines/tensorflow
(or in CIA_ENGINES). cpu: 0.3 GB of download, 0.8 GB on disk; gpu: 3 GB and 6 GB (CUDA 12, cuDNN 9).

  --from official   only the binary that tfjs-node downloads
  --from wheel      only its sources, compiled against TensorFlow's Python wheel (Linux; needs g++, python3, pip)
  --fresh           makes it again, also where a working one is found`;

type Kind = Installed["kind"];

interface Package {
  readonly name: string;
  readonly version: string;
  readonly sha512: string;
}
const tfjsNode: Package = {
  name: "@tensorflow/tfjs-node",
  version: "4.22.0",
  sha512: "uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==",
};
/** node_api.h for the compiler, and what tfjs-node's JavaScript needs at run time. */
const nodeHeaders: Package = {
  name: "node-api-headers",
  version: "1.9.0",
  sha512: "2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==",
};
const protobuf: Package = {
  name: "google-protobuf",
  version: "3.21.4",
  sha512: "MnG7N936zcKTco4Jd2PX2U96Kf9PxygAPKBug+74LHzmHXmceN16MmRcdgZv+DGef/S9YvQAfRsNCn4cjf9yyQ==",
};

const tensorflowVersion = "2.21.0";
interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}
const wheel = (name: string, version: string, sha256: string): Wheel => ({ name, version, sha256 });
/** By what they are for: the library alone, or with NVIDIA's libraries beside it. */
const wheels: Readonly<Record<string, readonly Wheel[]>> = {
  "cpu x64": [
    wheel("tensorflow-cpu", tensorflowVersion, "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c"),
  ],
  "cpu arm64": [
    wheel("tensorflow", tensorflowVersion, "4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c"),
  ],
  "gpu x64": [
    wheel("tensorflow", tensorflowVersion, "9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124"),
    wheel("nvidia-cublas-cu12", "12.9.3.13", "d7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72"),
    wheel("nvidia-cuda-cupti-cu12", "12.8.90", "ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182"),
    wheel("nvidia-cuda-nvcc-cu12", "12.9.86", "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0"),
    wheel("nvidia-cuda-nvrtc-cu12", "12.9.86", "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4"),
    wheel("nvidia-cuda-runtime-cu12", "12.9.79", "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3"),
    wheel("nvidia-cudnn-cu12", "9.28.0.42", "9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375"),
    wheel("nvidia-cufft-cu12", "11.4.1.4", "c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28"),
    wheel("nvidia-curand-cu12", "10.3.10.19", "49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e"),
    wheel("nvidia-cusolver-cu12", "11.7.5.82", "15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88"),
    wheel("nvidia-cusparse-cu12", "12.5.10.65", "73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78"),
    wheel("nvidia-nccl-cu12", "2.32.3", "bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c"),
    wheel("nvidia-nvjitlink-cu12", "12.9.86", "e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9"),
  ],
};
const platforms: Readonly<Record<string, readonly string[]>> = {
  x64: [
    "manylinux_2_27_x86_64",
    "manylinux2014_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2010_x86_64",
    "manylinux_2_12_x86_64",
  ],
  arm64: ["manylinux_2_27_aarch64", "manylinux2014_aarch64", "manylinux_2_17_aarch64"],
};

const say = (line: string): void => console.error(`engine:tensorflow: ${line}`);

/** Runs a program; gives back its output. @throws EngineError with its last lines, or `missing` where it is not there */
function run(command: string, args: readonly string[], missing: string, o: SpawnSyncOptions = {}): string {
  const result = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28, ...o });
  if (result.error) {
    if ((result.error as NodeJS.ErrnoException).code === "ENOENT")
      throw new EngineError(`engine:tensorflow: expected the program ${command}, found none; ${missing}`);
    throw new EngineError(`engine:tensorflow: ${command}: ${result.error.message}`);
  }
  if (result.status !== 0) {
    const said = `${String(result.stdout)}\n${String(result.stderr)}`.trim().split("\n").slice(-12).join("\n");
    throw new EngineError(`engine:tensorflow: ${command} ${args[0] ?? ""} failed:\n${said}`);
  }
  return String(result.stdout);
}

/** npm as the running npm script has it, else the one on the PATH. */
function npm(args: readonly string[], o: SpawnSyncOptions = {}): string {
  const script = process.env.npm_execpath;
  const missing = "install Node.js with npm.";
  if (script?.endsWith(".js")) return run(process.execPath, [script, ...args], missing, o);
  return run(process.platform === "win32" ? "npm.cmd" : "npm", args, missing, {
    shell: process.platform === "win32",
    ...o,
  });
}

/** Downloads an npm package, checks it and unpacks it into `folder`; a file that is there and right is not fetched again. */
function fetchPackage({ name, version, sha512 }: Package, downloads: string, folder: string): void {
  const file = join(downloads, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`);
  const right = () => existsSync(file) && createHash("sha512").update(readFileSync(file)).digest("base64") === sha512;
  if (!right()) {
    say(`fetching ${name} ${version} ...`);
    npm(["pack", "--silent", `${name}@${version}`, "--pack-destination", downloads]);
    if (!right())
      throw new EngineError(
        `engine:tensorflow: ${file}: expected SHA-512 ${sha512}, found another; the registry gave a different file than the pinned one.`,
      );
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run("tar", ["-xzf", file, "-C", folder, "--strip-components=1"], "install tar.");
}

/** pip checks each wheel against its hash, and takes what is already there. */
function fetchWheels(list: readonly Wheel[], arch: string, downloads: string): string[] {
  const requirements = join(downloads, "requirements.txt");
  writeFileSync(
    requirements,
    list.map(({ name, version, sha256 }) => `${name}==${version} --hash=sha256:${sha256}\n`).join(""),
  );
  say(`fetching ${list.length === 1 ? list[0].name : `TensorFlow and ${list.length - 1} NVIDIA libraries`} ...`);
  const python = "install Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip).";
  run(
    "python3",
    [
      ...["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"],
      ...["--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"],
      ...platforms[arch].flatMap((platform) => ["--platform", platform]),
      ...["--dest", downloads, "--requirement", requirements],
    ],
    python,
  );
  return readdirSync(downloads)
    .filter((name) => name.endsWith(".whl"))
    .map((name) => join(downloads, name));
}

/** The libraries and C headers of the wheels, and their licences; not the Python code. */
const unpack = `
import sys, zipfile
folder, wheels = sys.argv[1], sys.argv[2:]
headers = ("tensorflow/c/", "tensorflow/core/platform/", "tsl/platform/", "xla/tsl/c/", "external/local_tsl/tsl/platform/")
for wheel in wheels:
    archive = zipfile.ZipFile(wheel)
    for name in archive.namelist():
        header = name.startswith(tuple("tensorflow/include/" + h for h in headers))
        library = name.startswith("tensorflow/libtensorflow") or (name.startswith("nvidia/") and "/lib/" in name)
        if header or library or name.endswith("LICENSE"):
            archive.extract(name, folder)
`;

/** Builds tfjs-node's native module on the wheel's library. */
function fromWheel(kind: Kind, part: string): Installed {
  const { platform, arch } = process;
  const list = wheels[`${kind} ${arch}`];
  if (platform !== "linux" || !list)
    throw new EngineError(
      `engine:tensorflow: expected Linux on x64 (or arm64 without a GPU) to build on TensorFlow's wheel, found ${platform} ${arch}, ${kind}; take --engine wasm.`,
    );
  const compiler = process.env.CXX ?? "g++";
  run(compiler, ["--version"], "install a C++ compiler (Debian, Ubuntu: apt-get install g++) or name one in CXX.");
  run(
    "python3",
    ["-m", "pip", "--version"],
    "install Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip).",
  );
  const downloads = join(part, "downloads");
  mkdirSync(downloads, { recursive: true });
  const folder = join(part, "tfjs-node");
  fetchPackage(tfjsNode, downloads, folder);
  fetchPackage(protobuf, downloads, join(part, "node_modules", protobuf.name));
  const headers = join(part, "headers");
  fetchPackage(nodeHeaders, downloads, headers);
  const files = fetchWheels(list, arch, downloads);
  say("unpacking ...");
  run("python3", ["-c", unpack, part, ...files], "install Python 3.");
  const tensorflow = join(part, "tensorflow");
  // package.json of tfjs-node lists the versions of Node's native interface 3 to 8.
  const napi = Math.min(8, Number(process.versions.napi));
  const binding = `tfjs-node/lib/napi-v${napi}/tfjs_binding.node`;
  mkdirSync(dirname(join(part, binding)), { recursive: true });
  say("compiling ...");
  run(
    compiler,
    [
      ...["-std=c++17", "-O2", "-fPIC", "-shared", `-DNAPI_VERSION=${napi}`, "-DBUILDING_NODE_EXTENSION"],
      ...[join(headers, "include"), join(tensorflow, "include"), folder].map((include) => `-I${include}`),
      ...["tfjs_backend.cc", "tfjs_binding.cc"].map((source) => join(folder, "binding", source)),
      ...["-o", join(part, binding)],
      ...["cc", "framework"].map((library) => join(tensorflow, `libtensorflow_${library}.so.2`)),
      // Relative, so that the folder may be moved.
      "-Wl,-rpath,$ORIGIN/../../../tensorflow",
    ],
    "install a C++ compiler.",
  );
  for (const built of [headers, join(tensorflow, "include")]) rmSync(built, { recursive: true });
  return { ...common(kind), how: "built", tensorflow: tensorflowVersion, package: "tfjs-node", binding };
}

/** What tfjs-node's own install script fetches: libtensorflow 2.9 and a native module for it. */
function official(kind: Kind, part: string): Installed {
  const name = kind === "gpu" ? "@tensorflow/tfjs-node-gpu" : "@tensorflow/tfjs-node";
  const folder = join(part, "official");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, allowScripts: { [name]: true } }));
  say(`trying the official binary of ${name} ${tfjsNode.version} ...`);
  npm(["install", "--no-audit", "--no-fund", `${name}@${tfjsNode.version}`], { cwd: folder, timeout: 300_000 });
  const lib = join(folder, "node_modules", name, "lib");
  const versions = existsSync(lib) ? readdirSync(lib).filter((v) => existsSync(join(lib, v, "tfjs_binding.node"))) : [];
  if (versions.length === 0)
    throw new EngineError(`engine:tensorflow: ${name} was installed without its native module.`);
  return {
    ...common(kind),
    how: "official",
    tensorflow: "2.9.1",
    package: `official/node_modules/${name}`,
    binding: `official/node_modules/${name}/lib/${versions[versions.length - 1]}/tfjs_binding.node`,
  };
}

const common = (kind: Kind) => ({ kind, tfjsNode: tfjsNode.version, platform: process.platform, arch: process.arch });

/** Loads the folder in another process and computes with it. @throws EngineError with what went wrong there */
function test(folder: string, kind: Kind): void {
  say("testing it ...");
  run(process.execPath, [__filename, "--self-test", folder, kind], "install Node.js.");
}

function install(kind: Kind, from: "official" | "wheel" | undefined, fresh: boolean): void {
  const folder = join(enginesFolder(), "tensorflow");
  const part = `${folder}.part`;
  if (!fresh && existsSync(join(folder, "engine.json")) && installedTensorflow(folder).kind === kind) {
    test(folder, kind);
    return say(`${folder} is here and works; --fresh makes it again.`);
  }
  mkdirSync(part, { recursive: true });
  const attempt = (make: (kind: Kind, part: string) => Installed) => {
    const installed = make(kind, part);
    writeFileSync(join(part, "engine.json"), `${JSON.stringify(installed, null, 2)}\n`);
    test(part, kind);
  };
  if (from === "official") attempt(official);
  else if (from === "wheel") attempt(fromWheel);
  else
    try {
      attempt(official);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      say(`the official binary cannot be had here: ${error.message.replace("engine:tensorflow: ", "")}`);
      say("building on TensorFlow's Python wheel instead ...");
      rmSync(join(part, "official"), { recursive: true, force: true });
      attempt(fromWheel);
    }
  rmSync(join(part, "downloads"), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
  renameSync(part, folder);
  say(`done: ${folder}. Use it with --engine tensorflow.`);
}

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === "--self-test") {
    console.log(await selfTest(args[1], args[2] as Kind));
    return 0;
  }
  const options = { from: { type: "string" }, fresh: { type: "boolean" } } as const;
  const { values, positionals } = parse("npm run engine:tensorflow", args, options, true);
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const kind = positionals[0] ?? "cpu";
  if (positionals.length > 1 || (kind !== "cpu" && kind !== "gpu"))
    throw new UsageError(`engine:tensorflow: expected cpu or gpu, found ${positionals.join(" ")}.\n${usage}`);
  const { from } = values;
  if (from !== undefined && from !== "official" && from !== "wheel")
    throw new UsageError(`engine:tensorflow: --from: expected official or wheel, found ${from}.\n${usage}`);
  install(kind, from, values.fresh ?? false);
  return 0;
}

if (require.main === module) entry(main);
