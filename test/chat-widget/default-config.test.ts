import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type ChatWidgetFeatureFlags,
  chatWidgetFlags,
  DEFAULT_CONFIG,
  ENVIRONMENT_OVERRIDES,
  getEnvironmentConfig,
  highestEnabledPhase,
  isPhaseEnabled,
  validateConfig,
} from "../../lib/chat-widget/default-config.ts";
import { mergeFlags } from "../../lib/feature-flags/index.ts";
import { changeablePlaces } from "../feature-flags/changeable-places.ts";

/** Each flag with its value by default (and in production), in development, and in staging. */
const TABLE = {
  "sessionPersistence.phase1.parentStorage": [true, true, true],
  "sessionPersistence.phase1.crossDomainMessaging": [true, true, true],
  "sessionPersistence.phase1.autoRestore": [true, true, true],
  "sessionPersistence.phase2.enhancedStorage": [true, true, true],
  "sessionPersistence.phase2.connectionMonitoring": [true, true, true],
  "sessionPersistence.phase2.retryLogic": [true, true, true],
  "sessionPersistence.phase2.offlineMode": [true, true, false],
  "sessionPersistence.phase3.tabSync": [true, true, false],
  "sessionPersistence.phase3.performanceMode": [true, true, false],
  "sessionPersistence.phase3.sessionTracking": [true, true, false],
  "sessionPersistence.phase3.analytics": [true, true, false],
  "experimental.aiEnhancements": [false, true, false],
  "experimental.customThemes": [false, true, false],
  "experimental.voiceInput": [false, true, false],
} as const;

const valueAt = (config: object, path: string) =>
  path.split(".").reduce<unknown>((below, key) => Reflect.get(Object(below), key), config);

describe("the chat widget's flags", () => {
  it("are the fourteen of the table, no more and no fewer", () => {
    expect([...chatWidgetFlags.leaves.keys()]).toEqual(Object.keys(TABLE));
    expect([...chatWidgetFlags.leaves.values()].every(({ kind }) => kind === "boolean")).toBe(true);
    expect(chatWidgetFlags.resolution).toBe("first-match");
  });

  it.each(Object.entries(TABLE))(
    "%s is as the table says, by default, in development and in staging",
    (path, row) => {
      const environments = ["production", "development", "staging"];
      expect(environments.map((name) => valueAt(getEnvironmentConfig(name), path))).toEqual([...row]);
      expect(valueAt(DEFAULT_CONFIG, path)).toBe(row[0]);
    },
  );

  it("are the defaults in production and wherever the name is not known", () => {
    for (const name of ["production", "test", "qa", "", "Staging", "constructor"]) {
      expect(getEnvironmentConfig(name)).toEqual(DEFAULT_CONFIG);
    }
    expect(Object.keys(ENVIRONMENT_OVERRIDES)).toEqual(["development", "staging"]);
  });

  it("cannot be changed by anybody who is given them", () => {
    for (const given of [DEFAULT_CONFIG, ENVIRONMENT_OVERRIDES, getEnvironmentConfig("staging")]) {
      expect(changeablePlaces(given)).toEqual([]);
    }
  });

  it("have a label and a text of their own each, and browsers see no more than session persistence", () => {
    const described = Object.keys(TABLE).map((path) => ({ path, ...chatWidgetFlags.describe(path) }));
    expect(new Set(described.map(({ label }) => label)).size).toBe(14);
    expect(described.filter(({ text }) => text === undefined || !text.endsWith("."))).toEqual([]);
    expect(described.filter(({ browser }) => browser).map(({ path }) => path.split(".")[0])).not.toContain(
      "experimental",
    );
  });
});

describe("the environment", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each([
    ["staging", "production", "staging"],
    ["", "development", "development"],
    [undefined, "staging", "staging"],
    [undefined, undefined, "production"],
    ["unheard-of", "staging", "production"],
  ])("for STRATA_ENV %s and NODE_ENV %s is %s", (strata, node, expected) => {
    vi.stubEnv("STRATA_ENV", strata);
    vi.stubEnv("NODE_ENV", node);
    expect(getEnvironmentConfig()).toEqual(getEnvironmentConfig(expected));
  });
});

describe("the rules", () => {
  const withFlags = (flags: Parameters<typeof mergeFlags<ChatWidgetFeatureFlags>>[1]) =>
    validateConfig(mergeFlags<ChatWidgetFeatureFlags>(structuredClone(DEFAULT_CONFIG), flags));

  it("hold for the defaults and every environment", () => {
    for (const name of ["production", "development", "staging"]) {
      expect(validateConfig(getEnvironmentConfig(name))).toEqual([]);
    }
  });

  it("want parent storage for enhanced storage, and both for tab sync", () => {
    const broken = (flags: Parameters<typeof withFlags>[0]) => withFlags(flags).map(({ path }) => path);
    const [enhanced, tabSync] = [
      "sessionPersistence.phase2.enhancedStorage",
      "sessionPersistence.phase3.tabSync",
    ];
    expect(broken({ sessionPersistence: { phase1: { parentStorage: false } } })).toEqual([enhanced, tabSync]);
    expect(broken({ sessionPersistence: { phase2: { enhancedStorage: false } } })).toEqual([tabSync]);
    expect(
      broken({
        sessionPersistence: { phase1: { parentStorage: false }, phase2: { enhancedStorage: false } },
      }),
    ).toEqual([tabSync]);
    expect(
      broken({ sessionPersistence: { phase2: { enhancedStorage: false }, phase3: { tabSync: false } } }),
    ).toEqual([]);
  });

  it("say what would mend it", () => {
    const [first] = withFlags({ sessionPersistence: { phase1: { parentStorage: false } } });
    expect(first?.message).toContain("Turn sessionPersistence.phase1.parentStorage on");
  });
});

describe("phases", () => {
  const off = (flags: object) =>
    mergeFlags<ChatWidgetFeatureFlags>(structuredClone(DEFAULT_CONFIG), { sessionPersistence: flags });

  it("are on where every flag of theirs is", () => {
    const staging = getEnvironmentConfig("staging");
    expect(([1, 2, 3] as const).map((phase) => isPhaseEnabled(DEFAULT_CONFIG, phase))).toEqual([
      true,
      true,
      true,
    ]);
    expect(([1, 2, 3] as const).map((phase) => isPhaseEnabled(staging, phase))).toEqual([true, false, false]);
  });

  it("count up to the first that is not on", () => {
    expect(highestEnabledPhase(DEFAULT_CONFIG)).toBe(3);
    expect(highestEnabledPhase(off({ phase3: { analytics: false } }))).toBe(2);
    expect(highestEnabledPhase(off({ phase2: { offlineMode: false } }))).toBe(1);
    expect(highestEnabledPhase(off({ phase1: { autoRestore: false } }))).toBe(0);
  });
});
