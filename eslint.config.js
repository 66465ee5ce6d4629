import js from "@eslint/js";
import prettier from "eslint-config-prettier";
import globals from "globals";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "stubs", "public", "test-results", "playwright-report"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  prettier,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      // `array[i]!` is the house style inside numeric loops (noUncheckedIndexedAccess is on everywhere).
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/consistent-type-imports": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "Named exports only." },
        { selector: "TSEnumDeclaration", message: "Use a union of literals." },
      ],
      "max-lines": ["error", { max: 400 }],
      "max-lines-per-function": ["error", { max: 60, skipComments: true, skipBlankLines: true }],
      "max-params": ["error", 3],
      eqeqeq: "error",
    },
  },
  {
    files: ["**/*.test.ts", "e2e/**", "*.config.ts", "*.config.js"],
    rules: { "max-lines-per-function": "off", "no-restricted-syntax": "off" },
  },
);
