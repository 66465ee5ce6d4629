/** @file What a person sees at once and no other test looks for. Runs in the page; geometry alone, no fonts and no pixels. */

/** Half a pixel on either side is rounding. */
const TOLERANCE_PIXELS = 1;

/** WCAG 2.5.8, target size (minimum). */
const MIN_TARGET_PIXELS = 24;

/** What can be pressed, typed into or moved. */
const TARGETS = "a[href], button, input, select, textarea, summary, [role=tab]";

/** Inputs that are pressed through their label. */
const LABELLED = "input[type=radio], input[type=checkbox], input[type=file]";

type Box = Pick<DOMRect, "left" | "top" | "right" | "bottom">;

interface Tunables {
  readonly tolerance: number;
  readonly minTarget: number;
  readonly targets: string;
  readonly labelled: string;
}

/** For `page.evaluate(findFaults, TUNABLES)`. */
export const TUNABLES: Tunables = {
  tolerance: TOLERANCE_PIXELS,
  minTarget: MIN_TARGET_PIXELS,
  targets: TARGETS,
  labelled: LABELLED,
};

/**
 * Looks at the page as it is, or at its dialog while one is open. Self-contained: the page gets its source.
 *
 * @returns A line for each fault: sideways scrolling, text cut off by its box, targets that overlap or are too small
 *   (WCAG 2.5.8; links within a sentence are as high as it is), animations that run.
 */
export function findFaults({ tolerance, minTarget, targets, labelled }: Tunables): string[] {
  const faults: string[] = [];
  const scope = document.querySelector("dialog:modal") ?? document.body;

  const nameOf = (element: Element): string => {
    const id = element.getAttribute("data-testid") ?? element.id;
    const words = (element.getAttribute("aria-label") ?? element.textContent).trim().slice(0, 40);
    return `<${element.localName} ${id || element.className}> “${words}”`;
  };
  const styleOf = (element: Element): CSSStyleDeclaration => getComputedStyle(element);
  const isSeen = (element: Element): boolean =>
    element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) &&
    element.closest(".visually-hidden") === null;
  const ancestorsOf = (element: Element): Element[] => {
    const all: Element[] = [];
    for (let at = element.parentElement; at && at !== document.documentElement; at = at.parentElement) all.push(at);
    return all;
  };
  const cutTo = (box: Box, frame: Box): Box => ({
    left: Math.max(box.left, frame.left),
    top: Math.max(box.top, frame.top),
    right: Math.min(box.right, frame.right),
    bottom: Math.min(box.bottom, frame.bottom),
  });
  const isEmpty = ({ left, top, right, bottom }: Box): boolean => right - left <= 0 || bottom - top <= 0;
  /** What can be reached by scrolling is not cut off, and not in the way of anything either. */
  const shownBoxes = (element: Element): Box[] => {
    const scrollers = ancestorsOf(element).filter((ancestor) => styleOf(ancestor).overflow !== "visible");
    return Array.from(element.getClientRects(), (box) =>
      scrollers.reduce<Box>((shown, scroller) => cutTo(shown, scroller.getBoundingClientRect()), box),
    ).filter((box) => !isEmpty(box));
  };

  const findSideways = (): void => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) faults.push(`the page is ${scrollWidth} pixels wide on ${clientWidth}`);
  };

  /** Dots at the end say that there is more. */
  const isMeantToCut = (element: Element): boolean => {
    const { overflowX, overflowY, textOverflow, webkitLineClamp } = styleOf(element);
    const scrolls = [overflowX, overflowY].some((overflow) => overflow === "auto" || overflow === "scroll");
    return scrolls || textOverflow === "ellipsis" || webkitLineClamp !== "none";
  };
  const findCutText = (): void => {
    const texts = document.createTreeWalker(scope, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode as Text;
      const parent = text.parentElement!;
      if (text.data.trim() === "" || parent.closest("option, svg, script, style") || !isSeen(parent)) continue;
      const range = document.createRange();
      range.selectNodeContents(text);
      const words = range.getBoundingClientRect();
      // Beyond one that scrolls or ends in dots, another box sees only what that one lets through.
      for (const box of [parent, ...ancestorsOf(parent)]) {
        if (isMeantToCut(box) || box === document.body) break;
        // Without a box of its own.
        if (styleOf(box).display === "contents") continue;
        const isFlow = styleOf(box).display === "inline";
        const frame = box.getBoundingClientRect();
        const over = Math.max(
          isFlow ? 0 : words.right - frame.right,
          isFlow ? 0 : frame.left - words.left,
          styleOf(box).overflowY === "visible" ? 0 : words.bottom - frame.bottom,
        );
        if (over > tolerance) {
          faults.push(`${nameOf(parent)} stands ${over.toFixed(1)} pixels out of ${nameOf(box)}`);
          break;
        }
      }
    }
  };

  interface Target {
    readonly element: Element;
    readonly boxes: readonly Box[];
  }
  /** The label where that is what one presses. A text box without its padding: buttons may stand in it. */
  const toTarget = (element: Element): Target => {
    if (element instanceof HTMLInputElement && element.matches(labelled) && element.labels?.[0])
      return { element: element.labels[0], boxes: shownBoxes(element.labels[0]) };
    return { element, boxes: shownBoxes(element) };
  };
  const allTargets = (): Target[] => {
    const found = [...scope.querySelectorAll(targets)];
    const seen = found.map(toTarget).filter(({ element, boxes }) => isSeen(element) && boxes.length > 0);
    const inPage = seen.filter(({ boxes }) => boxes.some(({ right, bottom }) => right > 0 && bottom + scrollY > 0));
    return [...new Map(inPage.map((target) => [target.element, target])).values()];
  };
  /** A link or button in a sentence is as high as the sentence. */
  const isInSentence = (element: Element): boolean =>
    styleOf(element).display === "inline" && element.parentElement!.textContent.trim() !== element.textContent.trim();
  const findSmall = (all: readonly Target[]): void => {
    for (const { element } of all) {
      const { width, height } = element.getBoundingClientRect();
      const isSmall = Math.min(width, height) < minTarget - 0.01;
      if (isSmall && !isInSentence(element))
        faults.push(`${nameOf(element)} is ${width.toFixed(1)} × ${height.toFixed(1)}`);
    }
  };
  const withoutPadding = (element: Element, box: Box): Box => {
    if (!(element instanceof HTMLInputElement)) return box;
    const { paddingLeft, paddingRight } = styleOf(element);
    return { ...box, left: box.left + parseFloat(paddingLeft), right: box.right - parseFloat(paddingRight) };
  };
  const findOverlaps = (all: readonly Target[]): void => {
    for (const [at, a] of all.entries())
      for (const b of all.slice(at + 1)) {
        if (a.element.contains(b.element) || b.element.contains(a.element)) continue;
        const both = a.boxes.flatMap((box) =>
          b.boxes.map((other) => cutTo(withoutPadding(a.element, box), withoutPadding(b.element, other))),
        );
        const isOver = both.some((box) => box.right - box.left > tolerance && box.bottom - box.top > tolerance);
        if (isOver) faults.push(`${nameOf(a.element)} and ${nameOf(b.element)} overlap`);
      }
  };

  findSideways();
  findCutText();
  const all = allTargets();
  findSmall(all);
  findOverlaps(all);
  for (const animation of document.getAnimations())
    if (animation.playState === "running")
      faults.push(`something moves: ${nameOf((animation.effect as KeyframeEffect).target!)}`);
  return faults;
}

/** What moved without being asked to. */
export interface Shifts {
  /** Cumulative layout shift. */
  readonly score: number;
  /** What moved most. */
  readonly movers: readonly string[];
}

interface LayoutShift extends PerformanceEntry {
  readonly value: number;
  readonly sources: readonly { readonly node: Node | null }[];
}

/**
 * For `page.addInitScript`: counts from the first paint on. Also what moves right after a key counts: results come while
 * one types, and they are not to push anything about.
 */
export function watchShifts(): void {
  const movers: string[] = [];
  let score = 0;
  const nameOf = (node: Node | null): string => {
    const element = node instanceof Element ? node : node?.parentElement;
    return element ? `${element.localName}.${element.className}` : "?";
  };
  const count = (entries: PerformanceEntryList): void => {
    for (const { value, sources } of entries as LayoutShift[]) {
      score += value;
      movers.push(`${value.toFixed(4)}: ${sources.map(({ node }) => nameOf(node)).join(", ")}`);
    }
  };
  const observer = new PerformanceObserver((list) => count(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  Object.assign(globalThis, {
    takeShifts: (): Shifts => {
      count(observer.takeRecords());
      const taken = { score, movers: movers.splice(0) };
      score = 0;
      return taken;
    },
  });
}

/** For `page.evaluate`: what moved since the last call. */
export function takeShifts(): Shifts {
  return (globalThis as unknown as { takeShifts: () => Shifts }).takeShifts();
}
