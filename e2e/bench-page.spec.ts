/** @file A visitor runs the side-by-side page on WebAssembly, stops it, runs it again, and takes the result along. */
import { expect, test } from "@playwright/test";
import { withPage } from "../bench/visitor/serve-page.ts";
import { parseResult } from "../bench/report/read-result.ts";
import type { PageResult } from "../bench/visitor/page-setup.ts";

const MODEL = "public/models/nano-q4";

test("runs both runtimes side by side, and its result is one of npm run bench", async ({ page, context }) => {
  const foreign: string[] = [];
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  await withPage({ model: MODEL, command: "npm run bench:page" }, async (url) => {
    const { origin, host } = new URL(url);
    context.on("request", (request) => {
      if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).host !== host) foreign.push(request.url());
    });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
    await page.goto(`${url}?size=smoke&device=wasm`);
    const bench = page.getByTestId("bench");
    await page.getByRole("button", { name: "Start" }).click();
    await expect(page.getByText("cold open: strata, first")).toBeVisible();
    await page.getByRole("button", { name: "Stop" }).click();
    await expect(bench).toHaveAttribute("data-state", "stopped", { timeout: 2000 });

    await page.getByRole("button", { name: "Start again" }).click();
    await expect(bench).toHaveAttribute("data-state", "done", { timeout: 120_000 });
    await expect(page.getByTestId("workload")).toHaveCount(6);
    await expect(page.getByRole("heading", { name: / failed$/ })).toHaveCount(0);
    await page.getByRole("button", { name: "Copy result" }).click();
    await expect(page.getByText("Copied.")).toBeVisible();
    const result = parseResult(await page.evaluate(() => navigator.clipboard.readText()), "copied") as PageResult;
    expect(result).toMatchObject({ kind: "compare", size: "smoke", device: "wasm", dtype: "q4", stopped: false });
    for (const { entries } of result.workloads) for (const entry of entries) expect(entry.failure).toBeNull();
    const known = result.workloads.find(({ kind }) => kind === "shorter-in-batch");
    for (const { exactness } of known!.entries) expect(exactness!.minCosine).toBeGreaterThan(0.9999);
  });
  expect({ foreign, faults }).toEqual({ foreign: [], faults: [] });
});
