/** @file What the panels take from the browser: a pointer on the map, and what is dropped and pasted anywhere on the page. */
import { h, render } from "preact";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Collected } from "../import/collect.ts";
import { drawScatter } from "../map/scatter.ts";
import type { PointedAt } from "../map/scatter.ts";
import { useIntake } from "./use-intake.ts";

const SIZE = 200;

/** An element of the page, for as long as the test. */
function makeElement<K extends keyof HTMLElementTagNameMap>(name: K, parent: Element = document.body) {
  const element = document.createElement(name);
  parent.append(element);
  onTestFinished(() => element.remove());
  return element;
}

function makeMap() {
  const frame = makeElement("div");
  Object.assign(frame.style, { position: "relative", width: `${SIZE}px`, height: `${SIZE}px` });
  const opened: number[] = [];
  const pointed: (PointedAt | null)[] = [];
  const canvas = makeElement("canvas", frame);
  const scatter = drawScatter(canvas, { onOpen: (row) => opened.push(row), onPoint: (at) => pointed.push(at) });
  onTestFinished(() => scatter.dispose());
  const pointer = (type: string, x: number, y: number): void => {
    const { left, top } = canvas.getBoundingClientRect();
    canvas.dispatchEvent(new MouseEvent(type, { clientX: left + x, clientY: top + y, bubbles: true }));
  };
  return { scatter, opened, pointed, pointer };
}

/** Chart.js handles the last event of a frame, when the next one begins. */
const nextFrame = (): Promise<unknown> =>
  new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));

describe("drawScatter", () => {
  it("tells which row is pointed at and opened, also where it is a hit", async () => {
    const { scatter, opened, pointed, pointer } = makeMap();
    const groups = [
      { label: "a", rows: [2] },
      { label: null, rows: [0, 1] },
    ];
    scatter.show({
      // Left, middle, and top right.
      positions: Float32Array.of(-1, 0, 0, 0, 1, 1),
      groups,
      hits: [1],
      query: { x: -1, y: -1 },
      pointed: 2,
    });
    const corner = SIZE - (SIZE * 0.08) / 2.16;
    // Until it has taken its size from the frame.
    await nextFrame();
    for (const [x, y] of [
      [corner, SIZE - corner],
      [SIZE / 2, SIZE / 2],
      // The query is no passage, and nothing is at the top left.
      [SIZE - corner, corner],
      [5, 5],
    ] as const) {
      pointer("click", x, y);
      await nextFrame();
    }
    expect(opened).toEqual([2, 1]);
    pointer("mousemove", SIZE / 2, SIZE / 2);
    await nextFrame();
    expect(pointed.at(-1)).toMatchObject({ row: 1 });
    pointer("pointerleave", 0, 0);
    expect(pointed.at(-1)).toBeNull();
  });
});

describe("useIntake", () => {
  function makeIntake() {
    const collected: Collected[] = [];
    const held: boolean[] = [];
    function Intake() {
      held.push(useIntake((brought) => collected.push(brought)));
      return null;
    }
    const root = makeElement("div");
    render(h(Intake, {}), root);
    onTestFinished(() => render(null, root));
    return { collected, held };
  }

  const transferOf = (fill: (transfer: DataTransfer) => void): DataTransfer => {
    const transfer = new DataTransfer();
    fill(transfer);
    return transfer;
  };
  const withText = transferOf((transfer) => transfer.setData("text/plain", "Basalt is a volcanic rock."));

  it("takes what is pasted outside of text boxes", async () => {
    const { collected, held } = makeIntake();
    await vi.waitFor(() => expect(held).not.toEqual([]));
    const paste = (target: Element): boolean =>
      target.dispatchEvent(new ClipboardEvent("paste", { clipboardData: withText, bubbles: true, cancelable: true }));
    await vi.waitFor(() => {
      paste(document.body);
      expect(collected.length).toBeGreaterThan(0);
    });
    expect(collected[0]!.sources).toMatchObject([{ kind: "text", text: "Basalt is a volcanic rock." }]);
    const before = collected.length;
    expect(paste(makeElement("textarea"))).toBe(true);
    expect(collected).toHaveLength(before);
  });

  it("takes files dropped anywhere but where folders of models go, and knows while they are held", async () => {
    const { collected, held } = makeIntake();
    const drag = (type: string, target: Element): void => {
      const dataTransfer = transferOf((transfer) => transfer.items.add(new File(["text"], "a.txt")));
      target.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    };
    await vi.waitFor(() => {
      drag("dragover", document.body);
      expect(held.at(-1)).toBe(true);
    });
    const models = makeElement("div");
    models.dataset["takesFolders"] = "";
    drag("drop", models);
    await vi.waitFor(() => expect(held.at(-1)).toBe(false));
    drag("drop", document.body);
    await vi.waitFor(() => expect(collected).toHaveLength(1));
    expect(collected[0]!.sources).toMatchObject([{ kind: "file", name: "a.txt" }]);
  });
});
