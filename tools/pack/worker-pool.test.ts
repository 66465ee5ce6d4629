import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { EmbedError } from "../../src/errors.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { WorkerPool } from "./worker-pool.ts";

const folder = temporaryFolder();
let pool = new WorkerPool();
afterEach(async () => {
  await pool.close();
  pool = new WorkerPool();
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("WorkerPool", () => {
  it("hashes a file and its 16 MiB blocks", async () => {
    const block = 16 * 1024 * 1024;
    const bytes = new Uint8Array(block + 3).fill(7);
    const path = join(folder, "blocks");
    writeFileSync(path, bytes);
    expect(await pool.run({ kind: "hash", path })).toEqual({
      bytes: block + 3,
      sha256: sha256(bytes),
      blocks: [sha256(bytes.subarray(0, block)), sha256(bytes.subarray(block))],
    });
  });

  it("runs more jobs than it has threads", async () => {
    const path = join(folder, "small");
    writeFileSync(path, "text");
    const jobs = Array.from({ length: 3 * pool.threads + 1 }, () => pool.run({ kind: "hash", path }));
    for (const result of await Promise.all(jobs)) expect(result.sha256).toBe(sha256(Buffer.from("text")));
  });

  it("hands a job's failure to its caller and goes on", async () => {
    await expect(pool.run({ kind: "hash", path: join(folder, "none") })).rejects.toMatchObject({
      name: "EmbedError",
      code: "invalid-input",
      message: expect.stringContaining("ENOENT"),
    });
    const path = join(folder, "after");
    writeFileSync(path, "");
    expect(await pool.run({ kind: "hash", path })).toMatchObject({ bytes: 0, blocks: [] });
  });

  it("rejects running and waiting jobs with the reason it is closed for, and later ones too", async () => {
    const path = join(folder, "closing");
    writeFileSync(path, new Uint8Array(1e7));
    const reason = new EmbedError("aborted", "enough");
    const jobs = Array.from({ length: 20 }, () => pool.run({ kind: "hash", path }));
    const outcomes = Promise.allSettled(jobs);
    await pool.close(reason);
    expect((await outcomes).every((outcome) => outcome.status === "rejected" && outcome.reason === reason)).toBe(true);
    await expect(pool.run({ kind: "hash", path })).rejects.toBe(reason);
  });
});
