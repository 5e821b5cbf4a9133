/** Pages of measurements with a section for each processor: what was measured on other machines stays. */
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { writeWhole } from "../../lib/training/files";

const processor = (): string => cpus()[0]?.model.trim() || process.arch;

/** The sections of a page by their processor. */
const sectionsOf = (text: string): [string, string][] =>
  text
    .split(/^## /m)
    .slice(1)
    .map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n")).trim()]);

/** Writes the page `file`: `intro`, then the sections that it has, with this processor's as `section`. */
export function writeSection(file: string, intro: readonly string[], section: string): void {
  const sections = new Map(existsSync(file) ? sectionsOf(readFileSync(file, "utf8")) : []);
  sections.set(processor(), section);
  const parts = [...sections].map(([name, text]) => `## ${name}\n\n${text}\n`);
  writeWhole(file, [...intro.map((paragraph) => `${paragraph}\n`), ...parts].join("\n"));
}
