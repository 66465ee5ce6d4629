/** @file Warm-up: what it takes, and what the first query is spared. */
import { note } from "../harness/browser.ts";
import { table } from "../harness/markdown.ts";
import type { WarmUpResult } from "../../src/types.ts";
import { inputIds } from "../harness/texts.ts";
import { median, spread, withEmbedder, type Section, type Setting } from "./setting.ts";

const QUERY_TOKENS = 40;

/** The first one and those after it, to show what a query takes when all is compiled. */
const QUERIES = 4;

interface Visit {
  readonly firstMs: number;
  readonly laterMs: number;
  readonly warmUp: WarmUpResult | null;
}

export async function warmUp(setting: Setting): Promise<Section> {
  const [cold, warm]: [Visit[], Visit[]] = [[], []];
  for (let round = 0; round < setting.rounds; round++) {
    cold.push(await visit(setting, { warm: false }));
    warm.push(await visit(setting, { warm: true }));
    note(`warm-up, round ${round + 1}: ${cold.at(-1)!.firstMs.toFixed(0)} and ${warm.at(-1)!.firstMs.toFixed(0)} ms`);
  }
  const saved = median(cold.map(({ firstMs }) => firstMs)) - median(warm.map(({ firstMs }) => firstMs));
  const results = warm.map(({ warmUp: result }) => result!);
  return {
    title: "Warm-up",
    checks: [
      { what: "saved for the first query", measured: `${saved.toFixed(0)} ms`, limit: "measured", passed: null },
      {
        what: "warm-up itself",
        measured: `${spread(results.map(({ totalMs }) => totalMs))} ms`,
        limit: "measured",
        passed: null,
      },
    ],
    details: [
      `${setting.rounds} rounds of both in turn, each in a browser of its own; queries of ${QUERY_TOKENS} tokens; ` +
        "milliseconds, median (range).",
      table(
        ["", "first query", "later queries"],
        [
          ["without warm-up", ...describe(cold)],
          ["with warm-up", ...describe(warm)],
        ],
      ),
      table(
        ["batch warmed up (tokens)", "first time", "second time"],
        results[0]!.batches.map(({ lengths }, i) => [
          lengths.join(" + "),
          spread(results.map(({ batches }) => batches[i]!.coldMs)),
          spread(results.map(({ batches }) => batches[i]!.warmMs)),
        ]),
      ),
    ],
  };
}

function visit(setting: Setting, { warm }: { readonly warm: boolean }): Promise<Visit> {
  return withEmbedder(setting, { pack: "nano", fresh: true }, async ({ page, manifest }) => {
    const result = warm ? await page.evaluate(() => bench.warmUp({})) : null;
    const query = [inputIds(QUERY_TOKENS, manifest)];
    const requests = Array.from({ length: QUERIES }, () => query);
    const [firstMs, ...later] = await page.evaluate((all) => bench.embedEach(all, "interactive"), requests);
    return { firstMs: firstMs!, laterMs: median(later), warmUp: result };
  });
}

function describe(visits: readonly Visit[]): string[] {
  return [spread(visits.map(({ firstMs }) => firstMs)), spread(visits.map(({ laterMs }) => laterMs))];
}
