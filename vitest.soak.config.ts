import { defineConfig, mergeConfig } from "vitest/config";
import config from "./vitest.config.ts";

// What `npm test` runs in a short form, here in its whole length.
export default mergeConfig(
  { ...config, test: { ...config.test, include: [], exclude: [] } },
  defineConfig({
    test: {
      include: ["test/soak/**/*.test.ts"],
      maxWorkers: 1,
      testTimeout: 300_000,
      hookTimeout: 60_000,
    },
  }),
);
