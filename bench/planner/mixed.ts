/** @file Texts of mixed lengths: ragged passes against padded batches of 32 in input order, through the same graph. */
import { note } from "../harness/browser.ts";
import { table } from "../harness/markdown.ts";
import type { LoggedRun } from "../harness/probe.ts";
import { inputIds, logNormalLengths } from "../harness/texts.ts";
import { padBatches } from "./pad-batches.ts";
import { percent, median, spread, sum, withEmbedder, type Section, type Setting } from "./setting.ts";

/** With this sigma the longest of 1,000 texts has about 2,000 tokens. */
const LENGTHS = { median: 90, sigma: 0.95, least: 2, most: 2000 };

const BATCH = 32;
const LEAST_SPEEDUP = 2;

/** One side of one round. */
interface Side {
  /** Of the texts, padding not counted. */
  readonly tokensPerSecond: number;
  readonly runs: readonly LoggedRun[];
  readonly tokens: number;
}

export async function mixed(setting: Setting): Promise<Section> {
  const { texts: count, paddedEvery } = setting.sizes.mixed;
  // Neither side is to be slowed down by short runs.
  return withEmbedder(setting, { pack: "nano", choice: { maxRunMs: Infinity } }, async ({ page, manifest }) => {
    const lengths = logNormalLengths(count, LENGTHS);
    const texts = lengths.map((length, i) => inputIds(length, manifest, i + 1));
    const batches = padBatches(texts, { size: BATCH, padTokenId: manifest.padTokenId });
    const measure = async (requests: readonly (readonly (readonly number[])[])[], tokens: number): Promise<Side> => {
      await page.evaluate(() => bench.logRuns("start"));
      const times = await page.evaluate((all) => bench.embedEach(all, "bulk"), requests);
      const runs = await page.evaluate(() => bench.logRuns("end"));
      return { tokensPerSecond: (1000 * tokens) / sum(times), runs, tokens };
    };
    const [ragged, padded]: [Side[], Side[]] = [[], []];
    // So that neither side pays for what is made once.
    await page.evaluate((some) => bench.embed(some), texts.slice(0, BATCH));
    for (let round = 0; round < setting.rounds; round++) {
      ragged.push(await measure([texts], sum(lengths)));
      const chosen = batches.filter((_, i) => i % paddedEvery === round % paddedEvery);
      padded.push(
        await measure(
          chosen.map(({ inputIds: rows }) => rows),
          sum(chosen.map(({ tokens }) => tokens)),
        ),
      );
      note(`mixed, round ${round + 1}: ${rate(ragged.at(-1)!)} against ${rate(padded.at(-1)!)} tokens/s`);
    }
    return report({ setting, ragged, padded, layers: manifest.architecture.num_hidden_layers, lengths });
  });
}

function report(what: {
  readonly setting: Setting;
  readonly ragged: readonly Side[];
  readonly padded: readonly Side[];
  readonly layers: number;
  readonly lengths: readonly number[];
}): Section {
  const { setting, ragged, padded, layers, lengths } = what;
  const speeds = (sides: readonly Side[]): number[] => sides.map(({ tokensPerSecond }) => tokensPerSecond);
  const speedup = median(speeds(ragged)) / median(speeds(padded));
  const shares = ragged.map((side) => linearPadding(side, layers));
  const { paddedEvery } = setting.sizes.mixed;
  const part = paddedEvery > 1 ? `, each of them with another ${paddedEvery}th of the padded batches` : "";
  return {
    title: "Mixed lengths",
    checks: [
      {
        what: "padding among the rows that linear layers were given",
        measured: percent(Math.max(...shares), 2),
        limit: "0 %",
        passed: shares.every((share) => share === 0),
      },
      {
        what: `tokens/s, against padded batches of ${BATCH}`,
        measured: `${speedup.toFixed(2)} ×`,
        limit: `≥ ${LEAST_SPEEDUP} ×`,
        passed: speedup >= LEAST_SPEEDUP,
      },
    ],
    details: [
      `${lengths.length} texts, ${sum(lengths)} tokens (median ${median(lengths)}, longest ${Math.max(...lengths)}), ` +
        `${layers} layers, ${setting.rounds} rounds of both in turn${part}; median (range).`,
      table(
        ["", "tokens/s", "padding, linear layers", "padding, attention", "runs"],
        [
          ["ragged passes", ...describe(ragged, layers)],
          [`padded batches of ${BATCH}`, ...describe(padded, layers)],
        ],
      ),
    ],
  };
}

function describe(sides: readonly Side[], layers: number): (string | number)[] {
  const attention = sides.map(({ runs, tokens }) => 1 - (layers * tokens) / sum(runs.map(({ cells }) => cells)));
  return [
    spread(sides.map(({ tokensPerSecond }) => tokensPerSecond)),
    percent(median(sides.map((side) => linearPadding(side, layers)))),
    percent(median(attention)),
    median(sides.map(({ runs }) => runs.length)),
  ];
}

function linearPadding({ runs, tokens }: Side, layers: number): number {
  return 1 - (layers * tokens) / sum(runs.map(({ rows }) => rows));
}

function rate({ tokensPerSecond }: Side): string {
  return tokensPerSecond.toFixed(0);
}
