/** @file From the first visit to a cable pulled: what is kept, what still goes to the network, how new versions come. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium, expect, test, type BrowserContext, type Page } from "@playwright/test";
import { DemoPage, questions } from "./page.ts";
import { Site } from "./site.ts";

const BUILT = resolve("dist/demo");
/** Asked for by the browser itself, to see whether there is a new version. */
const VERSION_CHECK = "/service-worker.js";

/** The built page's folder, with copies of what the tests change. */
const folder = mkdtempSync(join(tmpdir(), "strata-site-"));
const profile = mkdtempSync(join(tmpdir(), "strata-profile-"));
const site = new Site(folder);
let context: BrowserContext;
let page: Page;

// One visitor's story, in one profile.
test.describe.configure({ mode: "serial" });

test.beforeAll(async ({ launchOptions }) => {
  for (const name of readdirSync(BUILT)) {
    if (/^(index\.html|service-worker\.js)$/.test(name)) cpSync(join(BUILT, name), join(folder, name));
    else symlinkSync(join(BUILT, name), join(folder, name));
  }
  await site.open();
  // With a profile on the disk, as a visitor has: private windows are never installable, and cache less.
  context = await chromium.launchPersistentContext(profile, launchOptions);
  page = context.pages()[0]!;
});

test.afterAll(async () => {
  await context.close();
  await site.close();
  for (const path of [folder, profile]) rmSync(path, { recursive: true });
});

const { query, answer } = questions[0]!;

const requests = (of: Page) => of.getByTestId("requests");
const untilModelLoaded = (of: Page) => of.waitForSelector("[data-testid=app][data-load]");
const answersSince = (from: number) => site.answers.slice(from).filter(({ path }) => path !== VERSION_CHECK);

test("saves the page once the model is there, and fetches nothing twice for that", async () => {
  await page.goto(site.url);
  await untilModelLoaded(page);
  await expect(page.getByTestId("offline")).toHaveAttribute("data-saved", "saved", { timeout: 60_000 });
  await expect(page.getByTestId("offline")).toContainText("Saved for offline use");
  await expect(requests(page)).toContainText("Requests made since load: 0");

  const sentBytes = new Map<string, number>();
  for (const { path, sentBytes: bytes } of site.answers) sentBytes.set(path, (sentBytes.get(path) ?? 0) + bytes);
  const large = [...sentBytes].filter(([, bytes]) => bytes > 400_000);
  expect(large.length).toBeGreaterThan(6);
  for (const [path, bytes] of large) expect(bytes, path).toBeLessThan(1.01 * statSync(join(BUILT, path)).size + 10_000);
  // Of ONNX Runtime's builds the one without WebGPU, and one of the other two: this browser has JSPI.
  const runtimes = [...sentBytes.keys()].filter((path) => path.endsWith(".wasm"));
  expect(runtimes.map((path) => path.replace(/-\w+\.wasm$/, "")).sort()).toEqual([
    "/assets/ort-wasm-simd-threaded",
    "/assets/ort-wasm-simd-threaded.jspi",
  ]);
});

test("can be installed as an app", async () => {
  const devtools = await context.newCDPSession(page);
  expect(await devtools.send("Page.getInstallabilityErrors")).toEqual({ installabilityErrors: [] });
  const { errors, data } = await devtools.send("Page.getAppManifest");
  expect(errors).toEqual([]);
  expect(JSON.parse(data!)).toMatchObject({ name: "Strata", start_url: "./", display: "standalone" });
  // A second session would take back what the first says of the network, at each navigation.
  await devtools.detach();
});

test("loads, indexes and searches with the network off, without a single request", async ({ launchOptions }) => {
  await site.close();
  await context.setOffline(true);
  const passedOn = watchNetwork(context);
  const visit = async (go: () => Promise<unknown>): Promise<void> => {
    const demo = new DemoPage(page);
    await go();
    await demo.ask(query);
    await expect(demo.results.first()).toBeVisible();
    await expect(page.getByTestId("offline")).toContainText("Offline");
  };
  await visit(() => page.goto(site.url));
  await visit(() => page.reload());

  // Nothing is left of the first visit but what is on the disk.
  await context.close();
  context = await chromium.launchPersistentContext(profile, launchOptions);
  await context.setOffline(true);
  page = context.pages()[0]!;
  const passedOnLater = watchNetwork(context);
  const demo = new DemoPage(page);
  await page.goto(`${site.url}?device=wasm`);
  await demo.ask(query);
  expect(await demo.topIds(3)).toContain(answer);
  await expect(requests(page)).toHaveText("Requests made since load: 0");
  await expect(page.getByTestId("offline")).toHaveAttribute("data-counted", "all");
  expect([...(await passedOn()), ...(await passedOnLater())]).toEqual([]);
  demo.expectNoFaults();
});

test("says that the network is missing when a model is not kept", async () => {
  const demo = new DemoPage(page);
  await page.goto(`${site.url}?model=models/elsewhere/`);
  await expect(page.getByTestId("error")).toHaveAttribute("data-code", "model-fetch-failed", { timeout: 60_000 });
  await expect(page.getByTestId("error")).toContainText("no network");
  await expect(demo.app).toHaveAttribute("data-state", "error");
  await context.setOffline(false);
  await site.open();
});

test("counts every request of page and threads that goes to the network, as the server sees them", async () => {
  const before = site.answers.length;
  await page.goto(site.url);
  await untilModelLoaded(page);
  await expect(requests(page)).toHaveAttribute("data-requests", "0");
  expect(answersSince(before)).toEqual([]);

  const beside = (name: string) => async () => (await fetch(new URL(name, location.origin))).status;
  const ask = `(${beside.toString()})`;
  await page.evaluate(`${ask}("of-the-page.txt")()`);
  await page.workers()[0]!.evaluate(`${ask}("of-a-thread.txt")()`);
  await page.evaluate(`${ask}("favicon.svg")()`);
  await expect(requests(page)).toHaveAttribute("data-requests", "2");
  expect(answersSince(before).map(({ path }) => path)).toEqual(["/of-the-page.txt", "/of-a-thread.txt"]);
});

test("offers a new version, and takes it when the visitor says so", async () => {
  release(folder, "Strata, the next version");
  const notice = page.getByTestId("update");
  const before = site.answers.length;
  await page.reload();
  await expect(notice).toContainText("A new version is ready", { timeout: 30_000 });
  // Of all the files one has changed.
  expect(answersSince(before).map(({ path }) => path)).toEqual(["/index.html"]);
  await notice.getByRole("button", { name: "Later" }).click();
  await expect(notice).toHaveCount(0);
  await page.reload();
  await expect(notice).toBeVisible({ timeout: 30_000 });
  await expect(page).not.toHaveTitle("Strata, the next version");
  await notice.getByRole("button", { name: "Reload" }).click();
  await expect(page).toHaveTitle("Strata, the next version");
  await untilModelLoaded(page);
  await expect(notice).toHaveCount(0);
});

test("says that the network is missing when it goes during the first load", async ({ browser }) => {
  const visitor = await browser.newContext();
  const visit = await visitor.newPage();
  await visitor.route("**/models/**", async (route) => {
    await visitor.setOffline(true);
    await route.continue();
  });
  await visit.goto(site.url);
  const error = visit.getByTestId("error");
  await expect(error).toHaveAttribute("data-code", "model-fetch-failed", { timeout: 60_000 });
  await expect(error).toContainText("no network");
  await expect(visit.getByTestId("offline")).toContainText("Not installed for offline use");
  await visitor.close();
});

/** Collects what the service worker did not answer itself, as the browser reports it. */
function watchNetwork(of: BrowserContext): () => Promise<string[]> {
  const seen: Promise<string | null>[] = [];
  of.on("request", (request) => {
    const answered = request.response().then(
      (response) => response?.fromServiceWorker() === true,
      () => false,
    );
    seen.push(answered.then((kept) => (kept ? null : request.url())));
  });
  return async () =>
    (await Promise.all(seen)).filter((url) => url !== null && !url.endsWith(VERSION_CHECK)) as string[];
}

/** Puts another version of the page on the server: one file changes, and with it the service worker's list. */
function release(to: string, title: string): void {
  const change = (name: string, pattern: RegExp, replacement: string): void => {
    const path = join(to, name);
    const text = readFileSync(path, "utf8");
    const changed = text.replace(pattern, replacement);
    expect(changed).not.toBe(text);
    writeFileSync(path, changed);
  };
  change("index.html", /<title>.*<\/title>/, `<title>${title}</title>`);
  change("service-worker.js", /"revision":"\w+","url":"index\.html"/, '"revision":"next","url":"index.html"');
}
