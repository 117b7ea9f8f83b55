import { expect, it } from "vitest";
import { environmentName, processSettings } from "../../../lib/feature-flags/core/environment.ts";

it("goes by STRATA_ENV, then NODE_ENV, then production", () => {
  expect(environmentName({ STRATA_ENV: "staging", NODE_ENV: "development" })).toBe("staging");
  expect(environmentName({ NODE_ENV: "development" })).toBe("development");
  expect(environmentName({})).toBe("production");
});

it("takes an empty setting for one that is not there", () => {
  expect(environmentName({ STRATA_ENV: "", NODE_ENV: "" })).toBe("production");
});

it("reads the settings of this process unless it is given others", () => {
  expect(processSettings()).toBe(process.env);
  expect(environmentName()).toBe(process.env["STRATA_ENV"] ?? process.env["NODE_ENV"]);
});
