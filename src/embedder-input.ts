/** @file What callers pass, checked before anything is sent or started. Pure; the model's own limits are the worker's. */
import { EmbedError } from "./errors.ts";
import type { ModelSource } from "./delivery.ts";
import { checkModelSource } from "./model-input.ts";
import type { EmbedInput, EmbedRequest, LoadRequest, OutputType, QueueLimits, WarmUpRequest } from "./types.ts";
import { describe, wrongType } from "./wrong-type.ts";

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  storage: ["auto", "none"],
  device: ["auto", "webgpu", "wasm"],
  activations: ["f32", "f16"],
  selfCheck: ["auto", "full"],
  role: ["query", "document"],
  output: ["float32", "int8", "binary"],
  overflow: ["error", "truncate"],
  priority: ["interactive", "normal", "bulk"],
  faultyRows: ["reject", "zero"],
  whenLost: ["wait", "fail"],
};

/** What `createEmbedder` is given about the model and how to run it. */
export interface ModelOptions extends Pick<
  LoadRequest,
  "storage" | "device" | "activations" | "selfCheck" | "chunkTokens" | "maxRunMs" | "vramBudgetBytes" | "queue"
> {
  /** A source of the pack; a text is the URL of its folder, relative to the page. */
  readonly model: string | URL | ModelSource;
}

/**
 * The rows of one request, as plain arrays: those of a reactive framework are proxies, which cannot be sent.
 *
 * @param inputs - A text, token ids, or an array of either; ids in one flat array are one row (as in the OpenAI API).
 * @throws {EmbedError} `invalid-input` with the index and the type of what is neither a text nor token ids.
 */
export function checkInputs(inputs: EmbedInput | readonly EmbedInput[]): EmbedInput[] {
  if (typeof inputs === "string") return [inputs];
  if (!Array.isArray(inputs)) throw wrongType("inputs are not a text or an array", inputs);
  if (typeof inputs[0] === "number") return [checkIds(inputs, 0)];
  // Array.from also visits the holes of a sparse array; map would skip them.
  return Array.from(inputs as readonly unknown[], (input, index) => {
    if (typeof input === "string") return input;
    if (Array.isArray(input)) return checkIds(input, index);
    throw wrongType(`input ${index} is not a text or an array of token ids`, input, { index });
  });
}

/** @throws {EmbedError} `invalid-input` with the index and the type of what is not a text. */
export function checkTexts(texts: readonly string[]): string[] {
  if (!Array.isArray(texts)) throw wrongType("texts are not an array", texts);
  return Array.from(texts as readonly unknown[], (text, index) => {
    if (typeof text === "string") return text;
    throw wrongType(`text ${index} is not a string`, text, { index });
  });
}

/** @throws {EmbedError} `invalid-input` with the type of what is not a text. */
export function checkText(text: string, name = "text"): string {
  if (typeof text !== "string") throw wrongType(`${name} is not a string`, text);
  return text;
}

/**
 * The part of the options that goes to the worker.
 *
 * @throws {EmbedError} `invalid-input` with the option and its value.
 */
export function checkRequest<O extends OutputType>(options: EmbedRequest<O>): EmbedRequest<O> {
  checkChoices(options);
  const { instruction } = options;
  if (instruction !== undefined) checkText(instruction, "instruction");
  // The hooks stay on the page: neither a signal nor a function can be sent.
  return { ...options, signal: undefined, onProgress: undefined } as EmbedRequest<O>;
}

/**
 * @param baseUrl - What a relative `model` is relative to; `undefined` outside a page.
 * @throws {EmbedError} `invalid-input` with the option and its value.
 */
export function checkModelOptions(options: ModelOptions, baseUrl: string | undefined): LoadRequest {
  checkChoices(options);
  const { model, storage, device, activations, selfCheck, chunkTokens, maxRunMs, vramBudgetBytes, queue } = options;
  if (chunkTokens !== undefined) checkPositiveInteger("chunkTokens", chunkTokens);
  return {
    model: checkModelSource(model, baseUrl),
    ...(storage !== undefined && { storage }),
    ...(device !== undefined && { device }),
    ...(activations !== undefined && { activations }),
    ...(selfCheck !== undefined && { selfCheck }),
    ...(chunkTokens !== undefined && { chunkTokens }),
    ...(maxRunMs !== undefined && { maxRunMs: checkLimit("maxRunMs", maxRunMs) }),
    ...(vramBudgetBytes !== undefined && { vramBudgetBytes: checkLimit("vramBudgetBytes", vramBudgetBytes) }),
    ...(queue !== undefined && { queue: checkQueue(queue) }),
  };
}

/** @throws {EmbedError} `invalid-input` with the option and its value. */
export function checkPositiveInteger(option: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  const message = `${option} is ${String(value)}, not a positive integer`;
  throw new EmbedError("invalid-input", message, { details: { option, value } });
}

/** @throws {EmbedError} `invalid-input` with the option and a value that is neither positive nor `Infinity`. */
export function checkLimit(option: string, value: number): number {
  if (typeof value === "number" && value > 0) return value;
  const message = `${option} is ${describe(value)}, not a positive number`;
  throw new EmbedError("invalid-input", message, { details: { option, value } });
}

/**
 * @returns The limits that are set, as a plain object.
 * @throws {EmbedError} `invalid-input` with the option and its value.
 */
export function checkLimits<Name extends string>(
  options: Readonly<Partial<Record<Name, number>>> | null,
  where: { readonly option: string; readonly names: readonly Name[] },
): Partial<Record<Name, number>> {
  const checked: Partial<Record<Name, number>> = {};
  for (const [name, value] of entriesOf(options, where)) {
    if (value !== undefined) checked[name] = checkLimit(`${where.option}.${name}`, value);
  }
  return checked;
}

/** @throws {EmbedError} `invalid-input` with the option and its value. */
export function checkWarmUp({ batches }: WarmUpRequest): WarmUpRequest {
  if (batches === undefined) return {};
  if (!Array.isArray(batches)) throw wrongType("batches are not an array", batches);
  const lengths = Array.from(batches as readonly unknown[], (batch, index) => {
    if (!Array.isArray(batch)) throw wrongType(`batch ${index} is not an array of token counts`, batch, { index });
    return Array.from(batch as number[], (tokens) => checkPositiveInteger(`batches[${index}]`, tokens));
  });
  return { batches: lengths };
}

function checkQueue(queue: NonNullable<LoadRequest["queue"]>): NonNullable<LoadRequest["queue"]> {
  const names: readonly (keyof QueueLimits)[] = ["maxQueuedTokens", "maxConcurrentRequests", "maxTokensPerSecond"];
  const entries = entriesOf(queue, { option: "queue", names: ["interactive", "normal", "bulk"] });
  return Object.fromEntries(
    entries.flatMap(([priority, limits]) => {
      if (limits === undefined) return [];
      const checked = checkLimits(limits, { option: `queue.${priority}`, names });
      const { maxConcurrentRequests } = checked;
      if (maxConcurrentRequests !== undefined && maxConcurrentRequests !== Infinity) {
        checkPositiveInteger(`queue.${priority}.maxConcurrentRequests`, maxConcurrentRequests);
      }
      return [[priority, checked]];
    }),
  );
}

/** Of an object that has no other fields than these. */
function entriesOf<Name extends string, V>(
  options: Readonly<Partial<Record<Name, V>>> | null,
  { option, names }: { readonly option: string; readonly names: readonly Name[] },
): [Name, V | undefined][] {
  if (typeof options !== "object" || options === null) throw wrongType(`${option} is not an object`, options);
  const entries = Object.entries(options) as [Name, V | undefined][];
  const unknown = entries.find(([name]) => !names.includes(name));
  if (unknown === undefined) return entries;
  const message = `${option}.${unknown[0]} is no option; there are ${names.join(", ")}`;
  throw new EmbedError("invalid-input", message, { details: { option: `${option}.${unknown[0]}`, allowed: names } });
}

function checkIds(ids: readonly unknown[], index: number): number[] {
  return Array.from(ids, (id, position) => {
    if (Number.isInteger(id)) return id as number;
    throw wrongType(`token ${position} of input ${index} is not an integer`, id, { index, position });
  });
}

/** @throws {EmbedError} `invalid-input` with an option that is not one of its values. */
export function checkChoices(options: object): void {
  for (const [option, value] of Object.entries(options)) {
    const allowed = CHOICES[option];
    if (value === undefined || allowed === undefined || allowed.includes(value)) continue;
    const message = `${option} is ${describe(value)}, not one of ${allowed.join(", ")}`;
    throw new EmbedError("invalid-input", message, { details: { option, value, allowed } });
  }
}
