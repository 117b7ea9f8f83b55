import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sqliteStorage } from "../../lib/storages/sqlite/index.ts";
import { storeRollout } from "../feature-flags/stored-rollouts.ts";
import { workplace } from "./recording-host.ts";

let place: Awaited<ReturnType<typeof workplace>>;
beforeEach(async () => {
  place = await workplace();
  const storage = await sqliteStorage({ file: place.file(".strata/strata.db") });
  await storage.saveCustomerFlags("sound", { experimental: { voiceInput: true } });
  await storage.close();
});
afterEach(() => place.remove());

async function addAilments(): Promise<void> {
  const storage = await sqliteStorage({ file: place.file(".strata/strata.db") });
  await storage.saveCustomerFlags("old", { experimental: { "gone\u001b[2J": true, voiceInput: "yes" } });
  await storage.saveOrganizationFlags("broken", { sessionPersistence: { phase1: { parentStorage: false } } });
  await storage.close();
}

describe("strata doctor", () => {
  it("is content where every stored override fits", async () => {
    expect(await place.run(["doctor"])).toEqual({
      code: 0,
      out: "Every stored override fits the definition and keeps its rules.\n",
      err: "",
    });
  });

  it("lists what does not fit and what breaks a rule, and exits with 1", async () => {
    await addAilments();
    const { code, out } = await place.run(["doctor"]);
    expect(code).toBe(1);
    expect(out).toContain("customer old (version 1)\n");
    expect(out).toMatch(/left out +experimental.voiceInput, from customer_override: .*boolean/);
    expect(out).toContain("organization broken (version 1)\n");
    expect(out).toMatch(/breaks rule +sessionPersistence.phase2.enhancedStorage: /);
    expect(out).toContain("2 stored overrides need attention.");
    expect(out).not.toContain("sound");
  });

  it("lists rollouts whose flag the definition has lost", async () => {
    const storage = await sqliteStorage({ file: place.file(".strata/strata.db") });
    await storeRollout(storage, { path: "experimental.gone" });
    await storage.close();
    const { code, out } = await place.run(["doctor"]);
    expect(code).toBe(1);
    expect(out).toMatch(/^rollout search\n {2}left out +"experimental.gone" has no such flag/m);
    expect(out).toContain("1 rollout does not apply.");
    const json = JSON.parse((await place.run(["doctor", "--json"])).out);
    expect(json).toMatchObject({ overrides: [], rollouts: [{ featureName: "search" }], count: 1 });
  });

  it("lets no stored text steer the terminal", async () => {
    await addAilments();
    const { out } = await place.run(["doctor"]);
    expect(out).toContain("experimental.gone\\u001b[2J");
    expect(out).not.toContain("\u001b");
  });

  it("writes one JSON document where asked to", async () => {
    const sound = await place.run(["doctor", "--json"]);
    expect({ code: sound.code, found: JSON.parse(sound.out) }).toEqual({
      code: 0,
      found: { overrides: [], rollouts: [], count: 0 },
    });
    await addAilments();
    const { code, out } = await place.run(["doctor", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      count: 2,
      overrides: [
        { kind: "customer", id: "old", version: 1, violations: [] },
        { kind: "organization", id: "broken", version: 1, mismatches: [] },
      ],
    });
  });

  it("looks at data that is there, and makes none", async () => {
    const { code, err } = await place.run(["doctor", "--file", "elsewhere.db"]);
    expect(code).toBe(1);
    expect(err).toBe(
      `strata: There is no data at ${place.file("elsewhere.db")}. Name the file with --file.\n`,
    );
    expect((await place.run(["doctor", "--file", "elsewhere.db"])).code).toBe(1);
  });
});
