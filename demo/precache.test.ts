import { describe, expect, it } from "vitest";
import { isNeeded, keptUrl } from "./precache.ts";

describe("isNeeded", () => {
  const runtime = (build: string): string[] => [
    `assets/ort-wasm-simd-threaded${build === "wasm" ? "" : `.${build}`}-D5D0fo7z.wasm`,
    `assets/ort.${build === "asyncify" ? "webgpu" : build}.bundle.min-CUhnTjpJ.js`,
  ];

  it.each([
    { jspi: true, kept: "jspi", left: "asyncify" },
    { jspi: false, kept: "asyncify", left: "jspi" },
  ])("keeps the $kept build and leaves the $left build where jspi is $jspi", ({ jspi, kept, left }) => {
    for (const url of [...runtime(kept), ...runtime("wasm")]) expect(isNeeded(url, { jspi }), url).toBe(true);
    for (const url of runtime(left)) expect(isNeeded(url, { jspi }), url).toBe(false);
  });

  it("keeps every file that is not of ONNX Runtime", () => {
    for (const url of ["index.html", "assets/index-Cb4cG5k5.js", "models/nano-q4/layer.f16.onnx"]) {
      expect(isNeeded(url, { jspi: true }) && isNeeded(url, { jspi: false }), url).toBe(true);
    }
  });
});

describe("keptUrl", () => {
  const kept = (url: string, mode: RequestMode): string =>
    keptUrl({ url: `https://example.org${url}`, mode }).slice(19);

  it("takes a visit for the page's file, whatever its parameters", () => {
    for (const url of ["/app/", "/app/?device=wasm&q=a%20b#x", "/app/index.html?q=x"]) {
      expect(kept(url, "navigate")).toBe("/app/index.html");
    }
  });

  it("takes a visit elsewhere for what it is", () => {
    expect(kept("/app/manifest.json?x", "navigate")).toBe("/app/manifest.json");
  });

  it("takes other requests by their whole address but the fragment", () => {
    expect(kept("/app/models/a.bin?v=2#x", "cors")).toBe("/app/models/a.bin?v=2");
    expect(kept("/app/", "cors")).toBe("/app/");
  });
});
