/** @file The page of `npm run bench:profile`. */
import { openEmbedder } from "../../src/embedder.ts";
import { openPack } from "../../src/fixtures/browser-packs.ts";
import { chooseExecution } from "../../src/gpu/engine.ts";
import type { Activations } from "../../src/pack.ts";
import type { DeviceStatus } from "../../src/types.ts";
import { inputIds } from "../harness/texts.ts";
import type { ProfileResult } from "../report/profile-result.ts";
import { measureCopy } from "../roofline/copy.ts";
import { measureMatmul } from "../roofline/matmul.ts";
import { openProfiled, timeLayers, type LayerTimes, type ProfiledEngine } from "./profile-layers.ts";

export interface ProfileChoice {
  readonly device: "webgpu" | "wasm";
  readonly activations: Activations;
}

/** What the benchmark calls from outside. */
export interface ProfilePage {
  open(packUrl: string, choice: ProfileChoice): Promise<{ device: DeviceStatus; layerBytes: number }>;
  /** The adapter's own peaks, by plain WGSL; `null` on WASM. */
  peaks(): Promise<ProfileResult["peaks"]>;
  /** One text of so many tokens. @param rounds - Timed, after one that is not. */
  measure(tokens: number, rounds: number): Promise<LayerTimes>;
  /** Milliseconds of the self-check of a load. */
  selfCheck(packUrl: string, choice: ProfileChoice, scope: "full" | "auto"): Promise<number>;
}

declare global {
  var profile: ProfilePage;
}

let opened: ProfiledEngine & { readonly ids: (tokens: number) => Int32Array };

globalThis.profile = {
  async open(packUrl, choice) {
    const pack = await openPack(packUrl);
    const profiled = await openProfiled(pack, await chooseExecution(choice, navigator.gpu, []));
    opened = { ...profiled, ids: (tokens) => Int32Array.from(inputIds(tokens, pack.manifest)) };
    const { device, layerBytes } = profiled.engine;
    return { device, layerBytes };
  },
  async peaks() {
    const { device, engine } = opened;
    if (!device) return null;
    const { flopsPerSecond } = await measureMatmul(device, { dtype: engine.device.activations });
    const { bytesPerSecond } = await measureCopy(device);
    return { flopsPerSecond, bytesPerSecond };
  },
  measure: (tokens, rounds) => timeLayers(opened, opened.ids(tokens), rounds),
  async selfCheck(packUrl, choice, scope) {
    const model = new URL(packUrl, location.href).href;
    const startWorker = (): Worker =>
      new Worker(new URL("../../workers/embed.worker.ts", import.meta.url), { type: "module" });
    using embedder = await openEmbedder({ model, storage: "none", selfCheck: scope, ...choice }, startWorker);
    return embedder.status.load.selfCheckMs;
  },
};
