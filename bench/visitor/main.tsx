/** @file Entry of the benchmark's page: what the command serves, what the machine has, then the app. */
import { render } from "preact";
import { adapterFacts, findAdapter } from "../../src/gpu/device.ts";
import { App } from "./app.tsx";
import type { Choice, Setup } from "./page-setup.ts";
import { fetchJson } from "./page-workloads.ts";

const SIZES: readonly Choice["size"][] = ["quick", "full", "smoke"];

const [setup, found] = await Promise.all([
  fetchJson<Setup>(new URL("/setup.json", location.href).href),
  findAdapter(navigator.gpu),
]);
const adapter = found.adapter && adapterFacts(found.adapter);
const wanted = new URLSearchParams(location.search);
const size = SIZES.find((name) => name === wanted.get("size")) ?? "quick";
// On a software adapter WebAssembly is faster, and ends in a visitor's time.
const usual = adapter && !adapter.software ? "webgpu" : "wasm";
const device = wanted.get("device") === "webgpu" || wanted.get("device") === "wasm" ? wanted.get("device") : usual;
const initial: Choice = {
  size,
  device: device as Choice["device"],
  activations: "f32",
  packUrl: new URL(setup.pack, location.href).href,
  exportUrl: new URL(setup.exported, location.href).href,
};
render(
  <App setup={setup} adapter={adapter} missing={found.missing} initial={initial} />,
  document.getElementById("app")!,
);
