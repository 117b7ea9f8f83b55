// Loaded ahead of a program, makes the package pg look as if it were not installed.
import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, next) {
    return next(specifier === "pg" ? "a-package-that-is-not-installed" : specifier, context);
  },
});
