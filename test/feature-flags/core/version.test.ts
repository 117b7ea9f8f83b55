import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { VERSION } from "../../../lib/feature-flags/core/version.ts";

it("says the version that package.json says", async () => {
  const file = await readFile(new URL("../../../package.json", import.meta.url), "utf8");
  expect(JSON.parse(file)).toMatchObject({ name: "strata-flags", version: VERSION });
});
