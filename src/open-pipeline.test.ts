/** @file Tests of what a refused device means for the next load. */
import { describe, expect, it } from "vitest";
import { EmbedError } from "./errors.ts";
import { orSafer } from "./open-pipeline.ts";

describe("orSafer", () => {
  const execution = { kind: "webgpu", activations: "f32", subgroups: true } as const;
  const choice = { execution, reason: "", adapter: null, gpuAdapter: null, saferLeft: true } as never as Omit<
    Parameters<typeof orSafer>[1],
    "afterCrash"
  >;
  const refused = new EmbedError("webgpu-unavailable", "the browser refused a WebGPU device");
  const lost = new EmbedError("device-lost", "lost", { details: { reason: "unknown" } });

  it("makes a refused device a failed check, and a lost one too", () => {
    const first = { ...choice, afterCrash: false };
    const details = { retry: true, selfCheck: { execution, passed: false, failure: refused.message } };
    expect(orSafer(refused, first)).toMatchObject({ code: "numeric-fault", details });
    expect(orSafer(lost, first)).toMatchObject({ code: "numeric-fault", details: { retry: true, reason: "unknown" } });
  });

  it("leaves a device that is refused after a crash as it is: it may be a moment away", () => {
    const second = { ...choice, afterCrash: true };
    expect(orSafer(refused, second)).toBe(refused);
    expect(orSafer(lost, second)).toMatchObject({ code: "numeric-fault", details: { reason: "unknown" } });
  });

  it("leaves errors of the pack and the network, and the last execution's", () => {
    const fetching = new EmbedError("model-fetch-failed", "offline");
    expect(orSafer(fetching, { ...choice, afterCrash: false })).toBe(fetching);
    expect(orSafer(refused, { ...choice, saferLeft: false, afterCrash: false })).toBe(refused);
  });
});
