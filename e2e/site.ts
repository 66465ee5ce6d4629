/** @file The built page on a server of the test's own, which keeps a log and can go away. */
import type { AddressInfo } from "node:net";
import { preview, type PreviewServer } from "vite";
import { contentSecurityPolicyPlugin } from "../tools/content-security-policy.ts";

/** One answer of the server. */
export interface Answer {
  /** With a slash in front, without parameters. */
  readonly path: string;
  readonly status: number;
  /** Headers and body, as they went over the wire. */
  readonly sentBytes: number;
}

/** `vite preview` of a folder, on a port that stays the same when it comes back. */
export class Site {
  /** In the order in which they were finished. */
  readonly answers: Answer[] = [];
  readonly #folder: string;
  #port = 0;
  #server: PreviewServer | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Starts to answer. */
  async open(): Promise<void> {
    this.#server = await preview({
      configFile: false,
      logLevel: "error",
      appType: "mpa",
      build: { outDir: this.#folder },
      plugins: [contentSecurityPolicyPlugin()],
      preview: { host: "127.0.0.1", port: this.#port, strictPort: true },
    });
    const { httpServer } = this.#server;
    this.#port = (httpServer.address() as AddressInfo).port;
    httpServer.prependListener("request", (request, response) => {
      const { socket } = request;
      const before = socket.bytesWritten;
      response.once("close", () => {
        const { pathname } = new URL(request.url ?? "/", this.url);
        this.answers.push({ path: pathname, status: response.statusCode, sentBytes: socket.bytesWritten - before });
      });
    });
  }

  /** Nothing listens at its address any more. */
  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
  }
}
