/** Progress and the stop button, with the kernel's display channel and clock replaced. */
import * as assert from "node:assert";
import { breathe, interruptible, progress } from "../../lib/display";

interface Shown {
  readonly content: {
    readonly data: Readonly<Record<string, unknown>>;
    readonly transient: { readonly display_id: string };
  };
  readonly update: boolean;
}

/** Puts a channel where the kernel's would be, and takes it away after the test. */
function withChannel(): Shown[] {
  const shown: Shown[] = [];
  const id = require.resolve("tslab/dist/jupyter");
  const before = require.cache[id];
  const channel = {
    lastWriteDisplayData: (content: Shown["content"], update: boolean) => shown.push({ content, update }),
  };
  displaced = before;
  require.cache[id] = { exports: channel } as unknown as NodeJS.Module;
  return shown;
}
let displaced: NodeJS.Module | undefined;

describe("progress", function () {
  this.timeout(30_000); // the first chart loads Vega
  afterEach(() => {
    const id = require.resolve("tslab/dist/jupyter");
    if (displaced) require.cache[id] = displaced;
    else delete require.cache[id];
  });

  it("replaces one output, at most ten times a second, and ends with a chart of every epoch", async () => {
    const shown = withChannel();
    let clock = 0;
    const bar = progress({ title: "CIA on MOSI", score: "A2", now: () => clock });
    for (let step = 0; step < 1000; step++) {
      clock += 5; // 5 s in all, 200 updates a second
      const ended = (step + 1) % 250 === 0;
      const epoch = Math.floor(step / 250) + 1;
      bar.update({
        epoch,
        epochs: 4,
        fraction: (step + 1) / 1000,
        ...(ended ? { trainLoss: 1 / epoch, validScore: 0.5 } : {}),
      });
    }
    assert.ok(shown.length <= 51, `${shown.length} displays in 5 s`);
    await bar.done("best epoch 4");
    assert.deepStrictEqual(new Set(shown.map((s) => s.content.transient.display_id)).size, 1);
    assert.deepStrictEqual(
      shown.map((s) => s.update),
      [false, ...shown.slice(1).map(() => true)],
    );
    const last = shown[shown.length - 1].content.data;
    assert.strictEqual(last["text/plain"], "CIA on MOSI: epoch 4 of 4, loss 0.2500, A2 0.5000, 5 s; best epoch 4");
    const chart = last["application/vnd.vegalite.v5+json"] as { data: { values: unknown[] } };
    assert.strictEqual(chart.data.values.length, 8); // four epochs, loss and score
  });

  it("says how long it will take, from the share that is done", () => {
    const shown = withChannel();
    let clock = 0;
    const bar = progress({ title: "t", now: () => clock });
    clock = 10_000;
    bar.update({ epoch: 1, epochs: 4, fraction: 0.25 });
    assert.strictEqual(shown[0].content.data["text/plain"], "t: epoch 1 of 4, 10 s, about 30 s left");
  });

  it("keeps what is known when nothing was trained", async () => {
    const shown = withChannel();
    await progress({ title: "t" }).done("stopped");
    assert.strictEqual(shown[0].content.data["text/plain"], "t: starting; stopped");
  });
});

describe("interruptible", () => {
  it("turns the stop button into an abort signal, lets the cell end, and gives the handlers back", async () => {
    let others = 0;
    const other = () => others++;
    process.on("SIGINT", other);
    const before = process.listeners("SIGINT");
    const result = await interruptible(async (signal) => {
      process.emit("SIGINT");
      await breathe();
      return { aborted: signal.aborted, others };
    });
    assert.deepStrictEqual(result, { aborted: true, others: 0 });
    assert.deepStrictEqual(new Set(process.listeners("SIGINT")), new Set(before));
    process.removeListener("SIGINT", other);
  });
  it("leaves a second press to the kernel", async () => {
    let kernel = 0;
    const handler = () => kernel++;
    process.on("SIGINT", handler);
    await interruptible(async () => {
      process.emit("SIGINT");
      process.emit("SIGINT");
    });
    assert.strictEqual(kernel, 1);
    process.removeListener("SIGINT", handler);
  });
  it("gives the handlers back when the body fails", async () => {
    const before = process.listeners("SIGINT").length;
    await assert.rejects(
      interruptible(() => Promise.reject(new Error("broke"))),
      /broke/,
    );
    assert.strictEqual(process.listeners("SIGINT").length, before);
  });
});
