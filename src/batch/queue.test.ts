import { describe, expect, it } from "vitest";
import { PriorityMutex } from "./queue.ts";

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

describe("PriorityMutex", () => {
  it("serves the highest priority first and keeps the order within one", async () => {
    const mutex = new PriorityMutex();
    const order: string[] = [];
    const gate = deferred();
    const task = (name: string) => async (): Promise<void> => void order.push(name);
    const all = [
      mutex.run("bulk", () => gate.promise),
      mutex.run("bulk", task("bulk 1")),
      mutex.run("normal", task("normal 1")),
      mutex.run("bulk", task("bulk 2")),
      mutex.run("interactive", task("query")),
      mutex.run("normal", task("normal 2")),
    ];
    gate.resolve();
    await Promise.all(all);
    expect(order).toEqual(["query", "normal 1", "normal 2", "bulk 1", "bulk 2"]);
  });

  it("never runs two tasks at once, not even with newcomers at the hand-over", async () => {
    const mutex = new PriorityMutex();
    let running = 0;
    const task = async (): Promise<void> => {
      expect(++running).toBe(1);
      await Promise.resolve();
      running--;
    };
    const again = (): Promise<void> => mutex.run("normal", task).then(() => mutex.run("interactive", task));
    await Promise.all(Array.from({ length: 20 }, again));
  });

  it("goes on after a task that fails", async () => {
    const mutex = new PriorityMutex();
    const failing = mutex.run("normal", () => Promise.reject(new Error("no")));
    const next = mutex.run("normal", () => Promise.resolve("yes"));
    await expect(failing).rejects.toThrow("no");
    await expect(next).resolves.toBe("yes");
  });

  it("takes a waiting task out when its signal fires", async () => {
    const mutex = new PriorityMutex();
    const gate = deferred();
    const first = mutex.run("normal", () => gate.promise);
    const controller = new AbortController();
    const waiting = mutex.run("normal", () => Promise.resolve(), { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
    gate.resolve();
    await first;
    await expect(mutex.run("bulk", () => Promise.resolve(1))).resolves.toBe(1);
  });
});
