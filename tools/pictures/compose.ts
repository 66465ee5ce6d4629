/** @file Several pictures in one, beside each other. */
import type { Page } from "@playwright/test";
import { toDataUrl } from "./webp.ts";

/**
 * Pictures side by side, at their own size.
 *
 * @param desk - An empty page, with as many pixels to a CSS pixel as the pictures were taken with.
 * @param ground - A colour behind and around them; `null`: none, and a frame around each.
 * @returns PNG, transparent without a ground.
 */
export async function composeRow(desk: Page, pictures: readonly Buffer[], ground: string | null): Promise<Buffer> {
  const images = pictures.map((picture) => `<img src="${toDataUrl(picture, "png")}" alt="">`);
  await desk.setContent(`<style>
    body { margin: 0 }
    .row { display: inline-flex; align-items: start; gap: 24px; ${ground === null ? "" : `padding: 24px; background: ${ground}`} }
    img { display: block; zoom: calc(1 / var(--scale)) }
    .framed img { border: calc(1px * var(--scale)) solid #7d8782; border-radius: calc(28px * var(--scale)) }
  </style><div class="row ${ground === null ? "framed" : ""}">${images.join("")}</div>`);
  await desk.evaluate(async () => {
    document.body.style.setProperty("--scale", String(devicePixelRatio));
    await Promise.all(Array.from(document.images, (image) => image.decode()));
  });
  return desk.locator(".row").screenshot({ omitBackground: ground === null });
}
