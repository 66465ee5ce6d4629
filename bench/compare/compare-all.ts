/** @file The comparison's dataflow: texts → references → contenders, workload by workload → a result. */
import { loadavg, cpus } from "node:os";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "@playwright/test";
import type { PackManifest } from "../../src/pack.ts";
import { note, withBrowser } from "../harness/browser.ts";
import type { CompareResult, SizeName, WorkloadKind, WorkloadResult } from "../report/compare-result.ts";
import { resultFrame } from "../report/frame.ts";
import { buildPage, BUILT_PAGE } from "./build.ts";
import { measureColdStarts } from "./cold.ts";
import type { ContenderModel, ContenderName, OpenOutcome, PeerDevice } from "./contender.ts";
import { openCorpus, type BenchText } from "./corpus.ts";
import { failedEntry, measureWorkload, resultOf, type References } from "./measure.ts";
import { keptReferences, weightsOfPack } from "../harness/float64-references.ts";
import { withFolders, type Mount } from "./serve.ts";
import { DRIVER_PAGE, withSession, type Session, type SessionPlace } from "./session.ts";
import { SIZES } from "./sizes.ts";
import { makeWorkloads, type Workload } from "./workloads.ts";

export interface CompareChoice {
  readonly size: SizeName;
  readonly device: "webgpu" | "wasm";
  readonly activations: "f32" | "f16";
  /** Of the export. */
  readonly dtype: ContenderModel["dtype"];
  readonly peerDevice: PeerDevice;
  readonly only: readonly WorkloadKind[];
  /** @default as of the size */
  readonly rounds?: number;
  /** Folder of the pack. */
  readonly pack: string;
  readonly manifest: PackManifest;
  /** Folder of the export. */
  readonly exported: string;
  readonly referenceTokens: number;
  /** Longest wait for one call. */
  readonly patienceMs: number;
  /** That makes the result again. */
  readonly command: string;
}

/** What a model's URL says of it: as it is, with a low limit, or with upstream's tokenizer settings. */
type Variant = "" | "-short" | "-right";

/** What each workload needs. */
interface Bench {
  readonly choice: CompareChoice;
  readonly browser: Browser;
  /** Of the server, with a slash at its end. */
  readonly url: string;
  readonly references: References;
  /** What each contender said when it was opened. */
  readonly opened: Map<ContenderName, OpenOutcome>;
}

/** Builds the page, runs everything, and tells how it goes on standard error. */
export async function compareAll(choice: CompareChoice): Promise<CompareResult> {
  const date = new Date().toISOString();
  const load = loadPerCpu();
  const workloads = await prepare(choice);
  const references = await referencesOf(choice, workloads);
  await buildPage([DRIVER_PAGE]);
  const opened = new Map<ContenderName, OpenOutcome>();
  const { results, version } = await withFolders(mountsOf(choice), (url) =>
    withBrowser(async (browser) => {
      const results = await measureAll({ choice, browser, url, references, opened }, workloads);
      return { results, version: browser.version() };
    }),
  );
  return describe(choice, { date, version, opened, load: { start: load, end: loadPerCpu() }, workloads: results });
}

async function prepare(choice: CompareChoice): Promise<Workload[]> {
  const { pack, manifest, size, only, rounds } = choice;
  const corpus = openCorpus(pack, manifest);
  const cut = openCorpus(pack, manifest, SIZES[size].truncated.limit);
  const { maxTokens } = manifest;
  return makeWorkloads(corpus, { size, only, maxTokens, cut, ...(rounds !== undefined && { rounds }) });
}

async function referencesOf(
  { pack: folder, manifest, referenceTokens: maxTokens }: CompareChoice,
  workloads: readonly Workload[],
): Promise<References> {
  // Texts that are run dry have no vectors to check.
  const checked = workloads.filter(({ entries }) => entries.every(({ mode }) => mode !== "dry"));
  const texts = [...new Set<BenchText>(checked.flatMap((workload) => workload.texts))];
  const vectors = await keptReferences(
    weightsOfPack(folder, manifest),
    texts.map(({ inputIds }) => inputIds),
    { maxTokens, onProgress: (done, total) => note(`float64 references: ${done} of ${total}`) },
  );
  return new Map(texts.map((text, i) => [text, vectors[i]!]));
}

async function measureAll(bench: Bench, workloads: readonly Workload[]): Promise<WorkloadResult[]> {
  const { url, choice, references } = bench;
  const { patienceMs } = choice;
  const results = new Map<Workload, WorkloadResult>();
  for (const workload of workloads.filter(({ kind }) => kind === "cold-start")) {
    const models = { strata: modelOf(bench, "strata", ""), "transformers.js": modelOf(bench, "transformers.js", "") };
    const kept = {
      strata: { ...models.strata, storage: "kept" },
      "transformers.js": { ...models["transformers.js"], storage: "kept" },
    } as const;
    results.set(workload, await measureColdStarts(workload, { url, models: kept, patienceMs, references }, note));
  }
  // Those that need nothing but the model share two pages; the others need pages of their own.
  const warm = workloads.filter((workload) => workload.kind !== "cold-start" && !needsOwnPages(workload));
  const own = workloads.filter(needsOwnPages);
  for (const group of [warm, ...own.map((workload) => [workload])]) {
    if (group.length === 0) continue;
    const variant = group[0]!.maxTokens === null ? "" : "-short";
    const measured = withPair(bench, { variant, right: group.some(needsRightPadding) }, async (sessions) => {
      for (const workload of group) {
        results.set(workload, await measureWorkload(workload, { sessions, references }, note));
      }
    });
    // Who cannot even be opened is no reason to lose what was measured in a quarter of an hour.
    await measured.catch((error: unknown) => {
      note(String(error));
      for (const workload of group) if (!results.has(workload)) results.set(workload, failedWorkload(workload, error));
    });
  }
  return workloads.map((workload) => results.get(workload)!);
}

function failedWorkload(workload: Workload, error: unknown): WorkloadResult {
  const failure = `not opened: ${String(error).split("\n")[0]!}`;
  return resultOf(
    workload,
    workload.entries.map((entry) => failedEntry(entry, failure)),
  );
}

/** What is measured without dispatches leaves paces behind that are none, and other limits are other models. */
function needsOwnPages({ entries, maxTokens }: Workload): boolean {
  return maxTokens !== null || entries.some(({ mode }) => mode === "dry");
}

function needsRightPadding({ entries }: Workload): boolean {
  return entries.some(({ mode }) => mode === "padded right");
}

type SessionsTask = (sessions: (contender: ContenderName, mode: string) => Session) => Promise<void>;

async function withPair(
  bench: Bench,
  { variant, right }: { readonly variant: Variant; readonly right: boolean },
  task: SessionsTask,
): Promise<void> {
  const place = (name: ContenderName, which: Variant): SessionPlace => {
    const { url, choice } = bench;
    return { url, name, model: modelOf(bench, name, which), patienceMs: choice.patienceMs };
  };
  await withSession(bench.browser, place("strata", variant), (strata) =>
    withSession(bench.browser, place("transformers.js", variant), async (transformers) => {
      for (const { name, opened } of [strata, transformers])
        if (!bench.opened.has(name)) bench.opened.set(name, opened);
      const pick = (contender: ContenderName): Session => (contender === "strata" ? strata : transformers);
      if (!right) return task(pick);
      await withSession(bench.browser, place("transformers.js", "-right"), (padded) =>
        task((contender, mode) => (mode === "padded right" ? padded : pick(contender))),
      );
    }),
  );
}

function modelOf(
  { url, choice }: Pick<Bench, "url" | "choice">,
  name: ContenderName,
  variant: Variant,
): ContenderModel {
  const { device, dtype, activations, peerDevice } = choice;
  return { url: `${url}${name === "strata" ? "pack" : "export"}${variant}/`, device, dtype, activations, peerDevice };
}

/** The same files under several paths: what differs is a limit, or a side. */
function mountsOf({ pack, exported, manifest, size }: CompareChoice): Readonly<Record<string, Mount>> {
  const { limit } = SIZES[size].truncated;
  const config = "tokenizer_config.json";
  const settings = JSON.parse(readFileSync(join(exported, config), "utf8")) as Record<string, unknown>;
  // Not in it on the hub; JSON leaves it out.
  const upstream = { ...settings, padding_side: undefined };
  // Known answers of texts that are too long now would make the manifest invalid.
  const golden = manifest.golden.filter(({ inputIds }) => inputIds.length <= limit);
  const short = { ...manifest, maxTokens: limit, golden };
  return {
    "/": { folder: BUILT_PAGE },
    "/pack/": { folder: pack },
    "/export/": { folder: exported },
    "/pack-short/": { folder: pack, instead: { "manifest.json": JSON.stringify(short) } },
    "/export-short/": {
      folder: exported,
      instead: { [config]: JSON.stringify({ ...settings, model_max_length: limit }) },
    },
    "/export-right/": { folder: exported, instead: { [config]: JSON.stringify(upstream) } },
  };
}

function loadPerCpu(): number {
  return loadavg()[0]! / cpus().length;
}

function describe(
  choice: CompareChoice,
  found: Pick<CompareResult, "date" | "load" | "workloads"> & {
    readonly version: string;
    readonly opened: ReadonlyMap<ContenderName, OpenOutcome>;
  },
): CompareResult {
  const { size, device, dtype, manifest, command } = choice;
  const { date, load, workloads, version, opened } = found;
  const adapter = device === "webgpu" ? (opened.get("strata")?.adapter ?? null) : null;
  const frame = resultFrame({
    kind: "compare",
    date,
    command,
    host: `Chromium ${version}`,
    adapter,
    model: `${manifest.name}, ${manifest.quantization.bits} bit`,
    notes: notesOf(choice, {
      software: adapter?.software === true,
      narrow: (adapter?.subgroupMinSize ?? 16) < 16,
      load,
    }),
    packages: ["onnxruntime-web", "@huggingface/transformers"],
  });
  const execution = (name: ContenderName): string => opened.get(name)?.execution ?? "not opened";
  const executions = { strata: execution("strata"), "transformers.js": execution("transformers.js") };
  return { ...frame, size, device, dtype, executions, load, workloads };
}

/** Above this, others took a good part of the machine's time. */
const BUSY_LOAD = 1;

function notesOf(
  { size, device, rounds = SIZES[size].rounds }: CompareChoice,
  {
    software,
    narrow,
    load,
  }: { readonly software: boolean; readonly narrow: boolean; readonly load: CompareResult["load"] },
): string[] {
  return [
    `Rounds of both in turn, the order turned round from one to the next; ${rounds} timed after one that is not, which compiles what there is to compile.`,
    `Load average over processors: ${load.start.toFixed(1)} at the start, ${load.end.toFixed(1)} at the end (the benchmark itself makes up to 1).${load.start > BUSY_LOAD ? " Other work ran at the same time: times are upper bounds." : ""} Clocks and temperatures were not controlled.`,
    "The page is built and served from loopback with headers that allow threads; transformers.js loads the build of ONNX Runtime that it asks its CDN for, of the version that both share here.",
    ...(software
      ? ["A software adapter computes on the processor: its times say nothing about a GPU, bytes and counts do."]
      : []),
    ...(device === "webgpu" && narrow
      ? [
          "ONNX Runtime's attention is wrong on subgroups narrower than 16, which this adapter has. Strata asks for a device without them; transformers.js leaves the device to ONNX Runtime, which takes them, so that some of its vectors are wrong here and not on other adapters.",
        ]
      : []),
  ];
}
