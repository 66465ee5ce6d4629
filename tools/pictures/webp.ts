/** @file PNG → WebP, by the encoder that is in the browser. */
import type { Page } from "@playwright/test";

/** Text stays free of smears down to the last of them. */
const QUALITIES = [0.92, 0.85, 0.78, 0.7, 0.6];

export interface WebpLimits {
  readonly maxBytes: number;
  /** Of 1, where no better one is needed. @default 1 */
  readonly quality?: number;
}

/** Encodes in a page that is otherwise empty. */
export class WebpEncoder {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /**
   * The best quality that keeps within a size.
   *
   * @param png - A screenshot.
   * @throws {Error} when even the lowest quality is larger than `maxBytes`.
   */
  async encode(png: Buffer, { maxBytes, quality: best = 1 }: WebpLimits): Promise<Buffer> {
    for (const quality of QUALITIES.filter((candidate) => candidate <= best)) {
      const webp = await this.#encodeAt(png, quality);
      if (webp.length <= maxBytes) return webp;
    }
    throw new Error(`a picture takes more than ${maxBytes} bytes even at quality ${QUALITIES.at(-1)}`);
  }

  async #encodeAt(png: Buffer, quality: number): Promise<Buffer> {
    const url = await this.page.evaluate(
      async ([source, wanted]) => {
        const image = new Image();
        image.src = source;
        await image.decode();
        const canvas = document.createElement("canvas");
        canvas.width = image.naturalWidth;
        canvas.height = image.naturalHeight;
        canvas.getContext("2d")!.drawImage(image, 0, 0);
        return canvas.toDataURL("image/webp", wanted);
      },
      [toDataUrl(png, "png"), quality] as const,
    );
    return Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
  }
}

/** @returns An image that needs no file of its own. */
export function toDataUrl(image: Buffer, kind: "png" | "webp"): string {
  return `data:image/${kind};base64,${image.toString("base64")}`;
}
