/** The compiled kernels (assembly/index.ts) and the memory that they work in, which belongs to tfjs-backend-wasm. */
import { EngineError } from "../../core/errors";

type Kernel = (...args: readonly number[]) => void;
type Measure = (...args: readonly number[]) => number;

/** What assembly/index.ts exports; the arguments are described there. Addresses are bytes, flags 0 or 1. */
export interface Kernels {
  readonly init: Kernel;
  readonly product: Kernel;
  readonly productAdd: Kernel;
  readonly transpose: Kernel;
  readonly fill: Kernel;
  readonly clear: Kernel;
  readonly clearLanes: Kernel;
  readonly copy: Kernel;
  readonly moveColumns: Kernel;
  readonly pack: Kernel;
  readonly moveRows: Kernel;
  readonly meanRows: Kernel;
  readonly meanRowsBackward: Kernel;
  readonly finish: Kernel;
  readonly finishBackward: Kernel;
  readonly sumRows: Kernel;
  readonly activate: Kernel;
  readonly activateBackward: Kernel;
  readonly dropout: Kernel;
  readonly dropFactors: Kernel;
  readonly combine: Kernel;
  readonly affine: Kernel;
  readonly multiply: Kernel;
  readonly scaleColumns: Kernel;
  readonly softmax: Kernel;
  readonly softmaxBackward: Kernel;
  readonly moments: Kernel;
  readonly movingAverage: Kernel;
  readonly batchNorm: Kernel;
  readonly batchNormBackward: Kernel;
  readonly outer: Kernel;
  readonly outerBackward: Kernel;
  readonly gruForward: Kernel;
  readonly gruBackward: Kernel;
  readonly lstmForward: Kernel;
  readonly lstmBackward: Kernel;
  readonly cellState: Kernel;
  readonly cellStateBackward: Kernel;
  readonly cellOutput: Kernel;
  readonly cellOutputBackward: Kernel;
  readonly attendForward: Kernel;
  readonly attendBackward: Kernel;
  readonly softmaxLoss: Measure;
  readonly sigmoidLoss: Measure;
  readonly distance: Measure;
  readonly distanceBackward: Kernel;
  readonly discrepancy: Measure;
  readonly adam: Kernel;
}

/** Kernels that do nothing, to rehearse a plan with. */
export const idleKernels: Kernels = new Proxy({} as Kernels, { get: () => () => 0 });

/** The heap that kernels and backend share. */
export interface Heap {
  /** At least `bytes` bytes, on a multiple of 64. */
  allocate(bytes: number): number;
  free(address: number): void;
  /** Views of the memory as it is now: it may have moved after an `allocate`. */
  readonly floats: Float32Array;
  readonly integers: Int32Array;
  /** Bytes allocated and not freed. */
  readonly used: number;
}

/** Where the memory that is used ends: kernels count in 32 bits with a sign. */
const memoryEnd = 2 ** 31;

/** A heap over the allocator of tfjs-backend-wasm. */
export class BackendHeap implements Heap {
  private readonly blocks = new Map<number, { raw: number; bytes: number }>();
  private buffer: ArrayBufferLike | undefined;
  private f: Float32Array = new Float32Array(0);
  private i: Int32Array = new Int32Array(0);
  used = 0;

  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly malloc: (bytes: number) => number,
    private readonly release: (address: number) => void,
  ) {}

  allocate(bytes: number): number {
    const room = bytes + 64; // for the alignment
    const raw = room <= memoryEnd ? this.malloc(room) >>> 0 : 0;
    if (raw === 0 || raw + room > memoryEnd) {
      if (raw) this.release(raw);
      throw new EngineError(
        `engine wasm: expected room for ${Math.ceil(bytes / 1048576)} MB more, found none (its memory ends at 2 GB); take smaller batches or shorter sequences.`,
      );
    }
    const address = Math.ceil(raw / 64) * 64;
    this.blocks.set(address, { raw, bytes });
    this.used += bytes;
    return address;
  }

  free(address: number): void {
    const block = this.blocks.get(address);
    if (!block) return;
    this.release(block.raw);
    this.used -= block.bytes;
    this.blocks.delete(address);
  }

  get floats(): Float32Array {
    this.refresh();
    return this.f;
  }

  get integers(): Int32Array {
    this.refresh();
    return this.i;
  }

  private refresh(): void {
    const { buffer } = this.memory;
    if (buffer === this.buffer) return;
    this.buffer = buffer;
    this.f = new Float32Array(buffer);
    this.i = new Int32Array(buffer);
  }
}
