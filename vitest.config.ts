import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

// "strata-source" is what makes #process-storage mean the file in lib/ and not the one in dist/.
const conditions = ["strata-source", ...defaultServerConditions];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/soak/**"],
    globalSetup: ["test/postgres-server.ts"],
    pool: "forks",
    maxWorkers: 2,
    execArgv: ["--conditions=strata-source"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
