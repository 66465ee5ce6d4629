/** @file A Chromium with a profile on the disk that a test may kill in the middle of anything. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium, type Browser, type Page } from "@playwright/test";
import { chromiumArgs, findChromium } from "../tools/chromium.mjs";

/** Started as often as wanted, always on the same profile. */
export class MortalBrowser {
  readonly #profile = mkdtempSync(join(tmpdir(), "strata-profile-"));
  #process: ChildProcess | null = null;
  #browser: Browser | null = null;

  /** A new process, with one page. */
  async start(): Promise<Page> {
    const executable = findChromium() ?? chromium.executablePath();
    const args = [...chromiumArgs, "--headless=new", "--remote-debugging-port=0", `--user-data-dir=${this.#profile}`];
    // A group of its own, so that the whole family can be killed.
    this.#process = spawn(executable, args, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
    this.#browser = await chromium.connectOverCDP(await endpointOf(this.#process));
    return this.#browser.contexts()[0]!.newPage();
  }

  /** As the power switch does, or an operating system that is short of memory: nobody gets to say goodbye. */
  async kill(): Promise<void> {
    const { pid } = this.#process!;
    const exited = once(this.#process!, "exit");
    process.kill(-pid!, "SIGKILL");
    await exited;
    await this.#browser!.close().catch(() => undefined);
  }

  /** Ends the process as a user would, and forgets the profile. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) await this.kill();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Where it can be talked to, as it says on its standard error. */
async function endpointOf({ stderr }: ChildProcess): Promise<string> {
  for await (const line of createInterface(stderr!)) {
    const url = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    // What it says from here on must not fill the pipe.
    stderr!.resume();
    return url;
  }
  throw new Error("Chromium ended before it could be talked to");
}
