import tseslint from "typescript-eslint";

export default tseslint.config(
  {
    ignores: [
      "dist/**",
      "node_modules/**",
      "lib/engine/wasm/assembly/**",
      "notebooks/**",
      ".venv/**",
      ".engines/**",
      "results/**",
    ],
  },
  ...tseslint.configs.recommended,
  {
    rules: {
      "@typescript-eslint/no-require-imports": "off",
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "Take an Rng as an argument (lib/core/rng.ts)." },
      ],
    },
  },
);
