/** @file `npm run bench:page`: Strata beside transformers.js in a page, on the visitor's own GPU. */
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { EmbedError } from "../src/errors.ts";
import { withPage } from "./visitor/serve-page.ts";

const USAGE = `Usage: npm run bench:page -- [options]

Builds the page, serves it on this machine alone and opens it in your browser. Nothing is sent anywhere. Ends with Ctrl+C.

  --model PACK    folder of a pack (default: the built-in nano)
  --export DIR    what npm run export made of the same weights (default: made of the pack, in test-packs)
  --port N        (default: 4180)
  --no-open       only print the address
  --help
`;

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "public/models/nano-q4" },
    export: { type: "string" },
    port: { type: "string", default: "4180" },
    "no-open": { type: "boolean" },
    help: { type: "boolean" },
  },
});

if (values.help) process.stdout.write(USAGE);
else await main();

async function main(): Promise<void> {
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new EmbedError("invalid-input", `--port is ${values.port}, not a port`);
  const command = ["npm run bench:page", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(
    " ",
  );
  process.stdout.write("Building the page and the export …\n");
  await withPage({ model: values.model, exported: values.export, port, command }, async (url) => {
    process.stdout.write(`${url}\nCtrl+C ends it.\n`);
    if (!values["no-open"]) openBrowser(url);
    await new Promise((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
  });
}

/** Where there is none to open, the address on the screen does. */
function openBrowser(url: string): void {
  const opener = { darwin: ["open"], win32: ["cmd", "/c", "start", ""] }[process.platform as string] ?? ["xdg-open"];
  const child = spawn(opener[0]!, [...opener.slice(1), url], { stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}
