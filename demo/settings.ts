/** @file URL parameters → how the page loads its model. Pure; a value that is not understood is reported, never guessed. */
import type { Activations, DeviceChoice } from "../src/index.ts";

/** The pack that is served next to the page. */
export const BUILT_IN_MODEL = "models/nano-q4/";

/** The longest sequence any Qwen3-Embedding takes; a larger chunk cannot be filled by one text. */
const MAX_CHUNK_TOKENS = 32_768;

/** No GPU has a tebibyte. */
const MAX_BUDGET_MIB = 1024 ** 2;

const DEVICES: readonly DeviceChoice[] = ["auto", "webgpu", "wasm"];
const ACTIVATIONS: readonly Activations[] = ["f32", "f16"];

export interface Settings {
  /** Absolute URL of a pack's folder; `null` where the address names none. */
  readonly model: string | null;
  readonly device: DeviceChoice;
  /** Absent: the library's default. */
  readonly activations?: Activations;
  /** Absent: the library's default. */
  readonly chunkTokens?: number;
  /** GPU memory to keep within; absent: the library decides. */
  readonly vramBudgetBytes?: number;
}

/** A parameter whose value is not one of those allowed. */
export interface SettingsProblem {
  readonly parameter: string;
  readonly value: string;
  readonly allowed: string;
}

/**
 * Reads `?device`, `?activations`, `?model`, `?chunk` and `?budget` (MiB); other parameters are left alone.
 *
 * @param search - The page's query string.
 * @param baseUrl - What a relative model URL is relative to.
 * @returns Settings that can be used when `problems` is empty.
 */
export function readSettings(
  search: string,
  baseUrl: string,
): { readonly settings: Settings; readonly problems: readonly SettingsProblem[] } {
  const parameters = new URLSearchParams(search);
  const problems: SettingsProblem[] = [];
  const read = <T>(parameter: string, parse: (value: string) => T | null, allowed: string): T | null => {
    const value = parameters.get(parameter);
    if (value === null) return null;
    const parsed = parse(value);
    if (parsed === null) problems.push({ parameter, value, allowed });
    return parsed;
  };
  const model = read("model", (value) => parseModelUrl(value, baseUrl), "an http or https URL of a pack's folder");
  const device = read("device", (value) => oneOf(DEVICES, value), DEVICES.join(", "));
  const activations = read("activations", (value) => oneOf(ACTIVATIONS, value), ACTIVATIONS.join(", "));
  const chunkTokens = read("chunk", parseChunk, `a whole number of tokens from 1 to ${MAX_CHUNK_TOKENS}`);
  const budget = read("budget", parseBudget, `a whole number of MiB from 1 to ${MAX_BUDGET_MIB}`);
  const settings: Settings = {
    model,
    device: device ?? "auto",
    ...(activations && { activations }),
    ...(chunkTokens && { chunkTokens }),
    ...(budget && { vramBudgetBytes: budget * 1024 ** 2 }),
  };
  return { settings, problems };
}

function oneOf<T extends string>(allowed: readonly T[], value: string): T | null {
  return allowed.find((candidate) => candidate === value) ?? null;
}

function parseChunk(value: string): number | null {
  const tokens = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  return tokens >= 1 && tokens <= MAX_CHUNK_TOKENS ? tokens : null;
}

function parseBudget(value: string): number | null {
  const mebibytes = /^\d{1,7}$/.test(value) ? Number(value) : 0;
  return mebibytes >= 1 && mebibytes <= MAX_BUDGET_MIB ? mebibytes : null;
}

/** A folder URL, with the slash that makes file names resolve inside it. */
function parseModelUrl(value: string, baseUrl: string): string | null {
  if (value.trim() === "" || !URL.canParse(value, baseUrl)) return null;
  const url = new URL(value, baseUrl);
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url.href;
}
