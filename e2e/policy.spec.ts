/** @file The built page's Content-Security-Policy: nothing of the page runs into it, and everything else does. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "@playwright/test";
import { DemoPage, questions } from "./page.ts";

test("loads, indexes, searches and imports within its policy", async ({ page }) => {
  const violations: string[] = [];
  await page.exposeFunction("onViolation", (violation: string) => violations.push(violation));
  await page.addInitScript(() => {
    const { onViolation } = globalThis as unknown as { onViolation: (violation: string) => void };
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      onViolation(`${violatedDirective}: ${blockedURI}`),
    );
  });
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilIndexed(8);
  await demo.ask(questions[0]!.query);
  await page.getByTestId("files").setInputFiles({
    name: "notes.html",
    mimeType: "text/html",
    buffer: Buffer.from('<p style="color: red" onclick="x()">A kettle.</p><script>x()</script><img src="//x.test/y">'),
  });
  await expect(page.getByTestId("imports")).toContainText("notes.html");
  // The tests' browser refuses the service worker here: the page works, and says what it lacks.
  await expect(page.getByTestId("offline")).toContainText("Not installed for offline use");
  // The reader of files, from the page's own server: with the service worker it would be kept.
  await expect(page.getByTestId("requests")).toContainText("Requests made since load: 1");
  expect(violations).toEqual([]);
  demo.expectNoFaults();
});

test("is told to the page, and by the server for every file", async ({ page, request }) => {
  const started = page.waitForEvent("worker");
  await page.goto("./");
  const policy = await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
  expect(policy).toContain("default-src 'none'");
  for (const url of ["./", (await started).url(), "./no-such-file"]) {
    const { "content-security-policy": header } = (await request.get(url)).headers();
    expect(header, url).toBe(`${policy}; frame-ancestors 'none'`);
  }
  // Not required: a page that asks for them cannot load packs from where it likes.
  expect((await request.get("./")).headers()).not.toHaveProperty("cross-origin-embedder-policy");
});

test("lets no other script run, and no other origin be reached, from the page or its threads", async ({ page }) => {
  let reached = 0;
  const elsewhere = createServer((_request, response) => {
    reached++;
    response.writeHead(200, { "access-control-allow-origin": "*" }).end();
  });
  await new Promise<void>((listening) => elsewhere.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
  try {
    await page.goto("./");
    await page.waitForSelector("[data-testid=app][data-load]", { timeout: 240_000 });
    const ran = await page.evaluate(async () => {
      const script = document.createElement("script");
      script.textContent = "globalThis.inlineRan = true";
      document.body.append(script);
      // In a task of its own, where it is the page's policy that counts and not the debugger's.
      const evaluated = await new Promise((resolve) => {
        setTimeout(() => {
          try {
            resolve(new Function("return true")());
          } catch (error) {
            resolve((error as Error).name);
          }
        });
      });
      return { inline: "inlineRan" in globalThis, evaluated };
    });
    expect(ran).toEqual({ inline: false, evaluated: "EvalError" });
    const fetchFrom = (address: string) =>
      fetch(address).then(
        () => "answered",
        (error: unknown) => (error as Error).name,
      );
    expect(await page.evaluate(fetchFrom, url)).toBe("TypeError");
    expect(await page.workers()[0]!.evaluate(fetchFrom, url)).toBe("TypeError");
    expect(reached).toBe(0);
  } finally {
    elsewhere.close();
  }
});
