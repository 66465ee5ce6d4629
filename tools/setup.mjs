/**
 * @file Installs what `npm start` and `npm test` need and is missing: the npm packages, and with `--chromium` a browser.
 * Node built-ins only, since it runs on a fresh clone. Does nothing (in milliseconds) when all is there.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findChromium } from "./chromium.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const MINIMUM_NODE = [20, 19];

/** @param {string} message @returns {never} */
function stop(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

/** @param {string} command @param {readonly string[]} args */
function run(command, args) {
  console.log(`setup: ${command} ${args.join(" ")}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  return status === 0;
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [needMajor = 0, needMinor = 0] = MINIMUM_NODE;
  if (major < needMajor || (major === needMajor && minor < needMinor)) {
    stop(`Node ${process.versions.node} is too old, ${MINIMUM_NODE.join(".")} or later is needed`);
  }
}

/** The lock file's hash stands in node_modules after a complete install, so that a half-finished one is noticed. */
function installPackages() {
  const stamp = join(root, "node_modules", ".strata-setup");
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  if (!run("npm", ["ci", "--no-audit", "--no-fund"])) stop("`npm ci` failed");
  writeFileSync(stamp, lock);
}

function installChromium() {
  if (findChromium()) return;
  if (process.env.STRATA_CHROMIUM) stop(`STRATA_CHROMIUM is ${process.env.STRATA_CHROMIUM}, which does not exist`);
  if (existsSync("/usr/bin/apt-get")) {
    const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
    const apt = (/** @type {string[]} */ ...args) => {
      const [command = "", ...rest] = [...sudo, "apt-get", ...args];
      return run(command, rest);
    };
    apt("update", "-qq");
    apt("install", "-y", "-qq", "--no-install-recommends", "chromium");
  }
  if (!findChromium()) stop("no Chromium found: install it, or name one in STRATA_CHROMIUM");
}

checkNode();
installPackages();
if (process.argv.includes("--chromium")) installChromium();
