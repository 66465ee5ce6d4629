/** @file Entry of the bundle: `node bench.mjs`. What it needs lies beside it. */
import { runCommand } from "./command.ts";

// Dawn's threads would keep the process.
process.exit(await runCommand(process.argv.slice(2), import.meta.url));
