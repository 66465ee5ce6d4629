/** @file What the page runs: the benchmark's workloads that need no other server, and the pack's known answers. */
import type { PackManifest } from "../../src/pack.ts";
import { parseManifest } from "../../src/model/manifest.ts";
import { createTokenizer } from "../../src/tokenize/tokenizer.ts";
import { makeCorpus, type BenchText, type Corpus, type Sources } from "../compare/make-corpus.ts";
import { makeWorkloads, type Workload } from "../compare/workloads.ts";
import type { WorkloadKind } from "../report/compare-result.ts";
import type { Choice } from "./page-setup.ts";

/** Cut and right-padded models are served by `npm run bench` alone. */
const KINDS: readonly WorkloadKind[] = ["cold-start", "one-query", "mixed-lengths", "equal-lengths", "long-text"];

/** The whole of what a model can take is no test of a visitor's patience. */
const LONGEST_KNOWN = 512;

export interface PageWork {
  readonly manifest: PackManifest;
  readonly workloads: readonly Workload[];
  readonly references: ReadonlyMap<BenchText, Float64Array | null>;
}

/** @throws {EmbedError | Error} When the pack or the sample texts cannot be read. */
export async function prepareWork(choice: Choice, signal: AbortSignal): Promise<PageWork> {
  const manifest = parseManifest(await fetchJson(`${choice.packUrl}manifest.json`, signal));
  const corpus = await fetchCorpus(manifest, choice, signal);
  const { maxTokens } = manifest;
  const workloads = await makeWorkloads(corpus, { size: choice.size, only: KINDS, maxTokens, cut: corpus });
  const { workload: known, references } = await knownAnswers(corpus, manifest);
  return { manifest, references, workloads: known ? [...workloads, known] : workloads };
}

async function fetchCorpus(manifest: PackManifest, { packUrl }: Choice, signal: AbortSignal): Promise<Corpus> {
  if (!manifest.tokenizer) throw new Error("this pack has no tokenizer, and transformers.js takes nothing but text");
  const samples = new URL("/samples/", location.href).href;
  const [model, config, { passages }, { questions }] = await Promise.all([
    fetchJson<object>(packUrl + manifest.tokenizer.model, signal),
    fetchJson<object>(packUrl + manifest.tokenizer.config, signal),
    fetchJson<Pick<Sources, "passages">>(`${samples}passages.json`, signal),
    fetchJson<Pick<Sources, "questions">>(`${samples}questions.json`, signal),
  ]);
  return makeCorpus({ passages, questions }, createTokenizer({ ...manifest, model, config }));
}

/** The pack's golden vectors as a workload: embedded alone and in one batch, both compared with what is known. */
async function knownAnswers(
  corpus: Corpus,
  manifest: PackManifest,
): Promise<{ readonly workload: Workload | null; readonly references: Map<BenchText, Float64Array> }> {
  const references = new Map<BenchText, Float64Array>();
  for (const { text, role, inputIds, dimensions, vector } of manifest.golden) {
    const whole = dimensions === manifest.dimensions.max && inputIds.length <= LONGEST_KNOWN;
    if (text === undefined || role !== "document" || !whole) continue;
    references.set(await corpus.plain(text), Float64Array.from(vector));
  }
  const texts = [...references.keys()];
  if (texts.length === 0) return { workload: null, references };
  const both = (mode: "alone" | "in a batch", batchSize: number) =>
    (["strata", "transformers.js"] as const).map((contender) => ({ contender, mode, batchSize }));
  const workload: Workload = {
    kind: "shorter-in-batch",
    title: `${texts.length} texts whose vectors are known, alone and in one batch`,
    texts,
    entries: [...both("alone", 1), ...both("in a batch", texts.length)],
    rounds: 1,
    warmUps: 0,
    queries: [],
    everyMs: 0,
    maxTokens: null,
  };
  return { workload, references };
}

/** @throws {Error} With the address, when the answer is no JSON. */
export async function fetchJson<T>(url: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(url, signal ? { signal } : {}).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new Error(`Failed to fetch ${url}`, { cause });
  });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return (await response.json()) as T;
}
