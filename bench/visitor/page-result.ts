/** @file Findings → a result as `npm run bench` leaves one, to be copied. */
import type { AdapterFacts } from "../../src/types.ts";
import { RESULT_VERSION } from "../report/result.ts";
import type { Choice, Findings, PageResult, Setup } from "./page-setup.ts";
import type { RunOutcome } from "./run-page.ts";

const NOTES = [
  "Run by a visitor in the page of npm run bench:page: both contenders in workers of one page, rounds in turn, the order turned round from one to the next.",
  "A cold start here is a new worker in a page that is open already, files kept in the browser.",
  "Exactness is against the pack's golden vectors, for the texts whose vectors are known.",
  "Clocks, temperatures and the load of the machine were not controlled.",
];

/** Of an adapter on which ONNX Runtime's attention is wrong (subgroups under 16), and of one that is no GPU. */
function adapterNotes(adapter: AdapterFacts | null): string[] {
  const narrow = adapter && (adapter.subgroupMinSize ?? SAFE_SUBGROUP_SIZE) < SAFE_SUBGROUP_SIZE;
  return [
    ...(adapter?.software ? ["A software adapter computes on the processor: its times say nothing about a GPU."] : []),
    ...(narrow
      ? [
          "ONNX Runtime's attention is wrong on subgroups narrower than 16, which this adapter has. Strata asks for a device without them; transformers.js leaves the device to ONNX Runtime, so that some of its vectors are wrong here and not on other adapters.",
        ]
      : []),
  ];
}

/** As of src/gpu/device.ts. */
const SAFE_SUBGROUP_SIZE = 16;

const GIB = 2 ** 30;

/** What a browser says of itself; `load` cannot be told there. */
export function pageResult(
  { choice, setup, date }: { readonly choice: Choice; readonly setup: Setup; readonly date: string },
  findings: Findings,
  { work, opened, stopped }: RunOutcome,
): PageResult {
  const { workloads, peaks, shares, stageSplits, problems } = findings;
  const strata = opened.get("strata");
  const manifest = work?.manifest;
  const { deviceMemory = 0 } = navigator as { readonly deviceMemory?: number };
  return {
    schema: "strata-bench",
    version: RESULT_VERSION,
    kind: "compare",
    date,
    command: setup.command,
    commit: setup.commit,
    machine: {
      cpus: navigator.hardwareConcurrency,
      cpuModel: "not told by browsers",
      memoryBytes: deviceMemory * GIB,
      platform: navigator.platform,
    },
    host: browserOf(navigator.userAgent),
    adapter: strata?.adapter ?? null,
    versions: setup.versions,
    model: manifest ? `${manifest.name}, ${manifest.quantization.bits} bit` : "not read",
    notes: [
      ...NOTES,
      ...adapterNotes(strata?.adapter ?? null),
      ...(stopped ? ["Stopped by the visitor: workloads after that are missing."] : []),
      ...problems.map(({ where, what }) => `${where}: ${what}`),
    ],
    size: choice.size,
    device: choice.device,
    dtype: setup.dtypes[choice.activations],
    executions: {
      strata: strata?.execution ?? "not opened",
      "transformers.js": opened.get("transformers.js")?.execution ?? "not opened",
    },
    load: { start: 0, end: 0 },
    workloads,
    peaks,
    shares,
    stageSplits,
    stopped,
  };
}

/** Such as `Chrome 156`: the last product that is not one that all claim to be. */
function browserOf(userAgent: string): string {
  const products = [...userAgent.matchAll(/(Firefox|Edg|OPR|Chrome|Version)\/([\d.]+)/g)];
  const own = products.find(([, name]) => name === "Edg" || name === "OPR") ?? products[0];
  if (!own) return userAgent;
  return `${own[1] === "Version" ? "Safari" : own[1]} ${own[2]}`;
}
