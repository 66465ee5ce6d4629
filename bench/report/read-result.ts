/** @file Results back from the disk, checked: a page of numbers must not be made of what it does not understand. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RESULT_VERSION, type ResultFrame, type ResultKind } from "./result.ts";

const KINDS: readonly ResultKind[] = ["compare", "parity", "node", "profile", "search", "index"];

/** A file that is no result, or one that this version does not read. */
export class ResultError extends Error {
  override readonly name = "ResultError";
}

/**
 * Checks the frame; what is inside is the renderer's affair.
 *
 * @param from - For the message.
 * @throws {ResultError}
 */
export function parseResult(text: string, from: string): ResultFrame {
  const result = parseObject(text, from);
  if (result["schema"] !== "strata-bench")
    throw new ResultError(`${from} is no result: its schema is ${show(result["schema"])}`);
  if (result["version"] !== RESULT_VERSION) {
    throw new ResultError(
      `${from} has version ${show(result["version"])}, and only ${RESULT_VERSION} is read: make it again`,
    );
  }
  if (!KINDS.includes(result["kind"] as ResultKind)) {
    throw new ResultError(`${from} is of kind ${show(result["kind"])}, not of ${KINDS.join(", ")}`);
  }
  for (const field of ["date", "command", "host", "model"]) {
    if (typeof result[field] !== "string")
      throw new ResultError(`${from}: ${field} is ${show(result[field])}, not a text`);
  }
  if (Number.isNaN(Date.parse(result["date"] as string)))
    throw new ResultError(`${from}: date is ${show(result["date"])}`);
  if (!isObject(result["machine"]) || !isObject(result["versions"]))
    throw new ResultError(`${from} has no machine or versions`);
  if (result["adapter"] !== null && !isObject(result["adapter"]))
    throw new ResultError(`${from} has no adapter, not even null`);
  if (!Array.isArray(result["notes"])) throw new ResultError(`${from} has no notes`);
  return result as unknown as ResultFrame;
}

/**
 * All results of a folder, the newest first.
 *
 * @throws {ResultError} For the first file that is none.
 */
export function readResults(folder: string): ResultFrame[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const results = names.map((name) => parseResult(readFileSync(join(folder, name), "utf8"), name));
  return results.sort((a, b) => Date.parse(b.date) - Date.parse(a.date));
}

/**
 * The first of each kind, machine and setting.
 *
 * @param results - The newest first.
 */
export function newestOfEach(results: readonly ResultFrame[]): ResultFrame[] {
  const found = new Map<string, ResultFrame>();
  for (const result of results) {
    const key = identityOf(result);
    if (!found.has(key)) found.set(key, result);
  }
  return [...found.values()];
}

/** What a newer result must share to stand for an older one. */
function identityOf(result: ResultFrame): string {
  const { kind, adapter, machine, model } = result;
  // What kinds of results add to the frame.
  const { size, device, dtype, executions, execution } = result as unknown as Readonly<Record<string, unknown>>;
  const host = result.host.split(" ")[0];
  return JSON.stringify([
    kind,
    adapter?.vendor,
    adapter?.architecture,
    machine.cpuModel,
    model,
    size,
    device,
    dtype,
    executions,
    execution,
    host,
  ]);
}

function parseObject(text: string, from: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ResultError(`${from} is not JSON`, { cause });
  }
  if (!isObject(value)) throw new ResultError(`${from} is no object`);
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "missing";
}
