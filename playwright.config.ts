/** @file User journeys against the built page, served on loopback. */
import { defineConfig } from "@playwright/test";
import { chromiumArgs, findChromium } from "./tools/chromium.mjs";

const PORT = 4174;
const executablePath = findChromium();

/** As a visitor's browser without a usable GPU comes. */
const withoutWebGpu = chromiumArgs.filter((argument) => !/webgpu|vulkan/i.test(argument));
const launch = (args: string[]) => ({ args, ...(executablePath ? { executablePath } : {}) });

export default defineConfig({
  testDir: "e2e",
  timeout: 300_000,
  // Of two files at once, one has the software GPU and the other computes on one core.
  workers: 2,
  expect: { timeout: 20_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: "list",
  outputDir: "test-results",
  use: {
    baseURL: `http://127.0.0.1:${PORT}/`,
    // Saving the page for offline use would only slow the others down.
    serviceWorkers: "block",
  },
  projects: [
    { name: "webgpu", testMatch: "webgpu.spec.ts", use: { launchOptions: launch(chromiumArgs) } },
    {
      name: "visitor",
      testMatch: [
        "visitor.spec.ts",
        "accessibility.spec.ts",
        "documents.spec.ts",
        "shell.spec.ts",
        "policy.spec.ts",
        "library.spec.ts",
        "recipes.spec.ts",
        "storage.spec.ts",
        "models.spec.ts",
        "visual.spec.ts",
        "bench-page.spec.ts",
      ],
      use: { launchOptions: launch(withoutWebGpu) },
    },
    {
      name: "offline",
      testMatch: "offline.spec.ts",
      use: { launchOptions: launch(withoutWebGpu), serviceWorkers: "allow" },
    },
  ],
  webServer: {
    command: `npx vite preview --host 127.0.0.1 --port ${PORT} --strictPort`,
    url: `http://127.0.0.1:${PORT}/`,
    reuseExistingServer: false,
  },
});
