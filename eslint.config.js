// What `npm run lint` checks: the page's modules and their tests.

import js from "@eslint/js";
import globals from "globals";

// Several components of one page share a module, so a module keeps no state.
const STATE = {
  selector: "Program > VariableDeclaration[kind='let'], Program > ExportNamedDeclaration > VariableDeclaration[kind='let']",
  message: "State belongs to the object that `start` makes.",
};

export default [
  { ignores: ["**/node_modules/", "**/.venv/", "**/venv/", "build/", "dist/"] },
  js.configs.recommended,
  {
    rules: {
      "eqeqeq": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-shadow": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "max-len": ["error", { code: 120, ignoreStrings: true, ignoreTemplateLiterals: true }],
      "max-lines": ["error", 200],
    },
  },
  {
    files: ["pixelart/ui/static/**/*.js"],
    languageOptions: { globals: globals.browser },
    rules: { "no-restricted-syntax": ["error", STATE] },
  },
  {
    files: ["pixelart/ui/static/on_load.js"],
    languageOptions: {
      sourceType: "script",
      globals: { COMPONENT: "readonly", element: "readonly", props: "readonly", trigger: "readonly", watch: "readonly" },
    },
    rules: { "no-restricted-syntax": "off" },
  },
  {
    files: ["tests/**/*.js", "*.config.js"],
    languageOptions: { globals: globals.node },
    rules: { "no-new-func": "off" },
  },
];
