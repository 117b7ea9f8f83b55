import { defineConfig } from "vitest/config";
import config from "./vitest.config.ts";

/** The long forms of the fault tests: what `npm test` tries a few times, hundreds and thousands of times. */
export default defineConfig({
  ...config,
  test: {
    ...config.test,
    include: ["test/soak/**/*.test.ts"],
    exclude: [],
    testTimeout: 14 * 60_000,
  },
});
