import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { duplicateKey } from "./json-keys.ts";

describe("duplicateKey", () => {
  it.each([
    ['{"a":1,"a":2}', "a"],
    ['{"a":{"b":1,"c":[{"b":2,"b":3}]}}', "b"],
    ['{"a":1,"\\u0061":2}', "a"],
    ['{"":0,"":1}', ""],
    ['{ "x\\"y" : "x" , "x\\"y" : 1 }', 'x"y'],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
  ])("finds it in %s", (json, key) => {
    expect(duplicateKey(json)).toBe(key);
  });

  it.each(['{"a":{"a":1},"b":{"a":1}}', '["a","a"]', '{"a":"a:","b":"{\\"a\\":1,\\"a\\":2}"}', "[]", "7", '"\\\\"'])(
    "finds none in %s",
    (json) => {
      expect(duplicateKey(json)).toBeNull();
    },
  );

  it("finds none in what JavaScript writes, and the one that is put in", () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), (json, key) => {
        expect(duplicateKey(json)).toBeNull();
        const name = JSON.stringify(key);
        expect(duplicateKey(`{${name}:${json},${name}:${json}}`)).toBe(key);
      }),
    );
  });
});
