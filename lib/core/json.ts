/** Canonical JSON and its hashes: the same value gives the same bytes whatever the order its keys were set in. */
import { createHash } from "node:crypto";
import { RecordError } from "./errors";

/**
 * JSON with sorted keys and no spaces; keys whose value is undefined are left out.
 * @throws RecordError naming the path of a number that is not finite (JSON would turn it into null silently)
 */
export function canonicalJson(value: unknown, path = "value"): string {
  if (typeof value === "number" && !Number.isFinite(value))
    throw new RecordError(`${path}: expected a finite number, found ${value}. Leave the field out or write null.`);
  if (Array.isArray(value)) return `[${value.map((v, i) => canonicalJson(v ?? null, `${path}[${i}]`)).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const fields = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${fields.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v, `${path}.${k}`)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/** SHA-256 in hex of text or bytes. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** The first 16 hex digits of the SHA-256 of the canonical JSON: identities and checksums of records. */
export function hashOf(value: unknown): string {
  return sha256(canonicalJson(value)).slice(0, 16);
}
