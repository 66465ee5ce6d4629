/** @file The command, in the repository and in a bundle alike: flags in, exit code out. */
import { EmbedError } from "../../src/errors.ts";
import { renderNode } from "../report/render-node.ts";
import { NoWebGpu } from "./dawn.ts";
import { parseNodeOptions, USAGE } from "./options.ts";
import { originOf } from "./origin.ts";
import { CELL_FLAG, runBench, runOrderedCell } from "./run-bench.ts";

const EXIT = { done: 0, failed: 1, wrongFlags: 2, noWebGpu: 3 } as const;

/**
 * @param args - Without Node and the script.
 * @param entry - URL of the script.
 * @returns The exit code. Messages have gone to standard error, the result as Markdown to standard output.
 */
export async function runCommand(args: readonly string[], entry: string): Promise<number> {
  const [first, order = ""] = args;
  try {
    if (first === CELL_FLAG) {
      await runOrderedCell(order);
      return EXIT.done;
    }
    const options = parseNodeOptions(args);
    if (!options) {
      process.stdout.write(USAGE);
      return EXIT.done;
    }
    const { result, path } = await runBench(options, originOf(entry), args);
    process.stdout.write(`${renderNode(result)}\n`);
    process.stderr.write(`${path}\n`);
    const isWhole = result.cells.every(({ strata, failure }) => strata.failure === null && failure === null);
    return isWhole ? EXIT.done : EXIT.failed;
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof NoWebGpu) {
    process.stderr.write(`bench:node: ${error.message}\n`);
    return EXIT.noWebGpu;
  }
  if (error instanceof EmbedError && error.code === "invalid-input") {
    process.stderr.write(`bench:node: ${error.message}\n`);
    return EXIT.wrongFlags;
  }
  process.stderr.write(`bench:node: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.failed;
}
