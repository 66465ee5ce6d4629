import { describe, expect, it } from "vitest";
import { contentSecurityPolicy } from "./content-security-policy.ts";

const connections = (policy: string): string | undefined => /connect-src ([^;]*)/.exec(policy)?.[1];

describe("contentSecurityPolicy", () => {
  it("lets packs come from the hub unless told otherwise", () => {
    expect(connections(contentSecurityPolicy())).toBe(
      "'self' https://huggingface.co https://*.huggingface.co https://*.hf.co",
    );
  });

  it("lets packs come from the named places and no others", () => {
    expect(connections(contentSecurityPolicy(" https://mirror.example.org  http://10.0.0.7:8080 "))).toBe(
      "'self' https://mirror.example.org http://10.0.0.7:8080",
    );
    expect(connections(contentSecurityPolicy(""))).toBe("'self'");
  });

  it.each(["*", "https:", "'unsafe-inline'", "data:", "https://a.org/path", "https://a.org;", "https://*"])(
    "refuses %s as a source",
    (source) => {
      expect(() => contentSecurityPolicy(source)).toThrow(source);
    },
  );

  it("runs WebAssembly and the page's own files, and no script from text", () => {
    const policy = contentSecurityPolicy();
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
    expect(policy).not.toMatch(/'unsafe-|blob:|data:|\*[; ]/);
  });
});
