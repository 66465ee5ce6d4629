/**
 * @file `npm run bench:node`: Strata and transformers.js' graph under Node, on the GPU that Dawn finds. Writes a result
 * to bench/results and prints it as Markdown. Command line only; the work is in `bench/node/`.
 */
import { installDawn } from "./node/install.ts";
import { runCommand } from "./node/command.ts";

const args = process.argv.slice(2);
if (!args.includes("--help")) installDawn();
// Dawn's threads would keep the process.
process.exit(await runCommand(args, import.meta.url));
