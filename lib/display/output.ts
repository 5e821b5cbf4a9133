/** The way out of a cell: one output with several forms (the reader's program shows the richest it knows), or text. */
import { randomUUID } from "node:crypto";

/** MIME type -> content: text, or an object for JSON types. `text/plain` is what every reader can show. */
export type Bundle = Readonly<Record<string, unknown>> & { readonly "text/plain": string };

type WriteDisplay = (content: { data: Bundle; metadata: object; transient: object }, update: boolean) => void;

/** The kernel's display channel; undefined outside a kernel. Looked up, not imported: tslab loads a whole compiler. */
function channel(): WriteDisplay | undefined {
  const kernel = require.cache[require.resolve("tslab/dist/jupyter")];
  return (
    (kernel?.exports as { lastWriteDisplayData?: WriteDisplay | null } | undefined)?.lastWriteDisplayData ?? undefined
  );
}

/** Whether this runs in a notebook's kernel. */
export function inNotebook(): boolean {
  return channel() !== undefined;
}

/** One output that can be replaced. */
export interface Output {
  /** Shows `bundle`, in place of what this output showed before. Outside a kernel it prints the text form. */
  show(bundle: Bundle): void;
}

export function output(): Output {
  const id = randomUUID();
  let shown = false;
  return {
    show(bundle) {
      const write = channel();
      if (!write) return console.log(bundle["text/plain"]);
      write({ data: bundle, metadata: {}, transient: { display_id: id } }, shown);
      shown = true;
    },
  };
}

/** Shows one output. */
export function emit(bundle: Bundle): void {
  output().show(bundle);
}
