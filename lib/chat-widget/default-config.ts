import { defineFlags, type FlagDefinition } from "../feature-flags/core/definition.ts";
import { environmentName } from "../feature-flags/core/environment.ts";
import type { DeepPartial, DeepReadonly, RuleViolation } from "../feature-flags/core/types.ts";

/** The flags of the chat widget: the product that Strata ships as its reference. */
export interface ChatWidgetFeatureFlags {
  sessionPersistence: {
    phase1: { parentStorage: boolean; crossDomainMessaging: boolean; autoRestore: boolean };
    phase2: {
      enhancedStorage: boolean;
      connectionMonitoring: boolean;
      retryLogic: boolean;
      offlineMode: boolean;
    };
    phase3: { tabSync: boolean; performanceMode: boolean; sessionTracking: boolean; analytics: boolean };
  };
  experimental: { aiEnhancements: boolean; customThemes: boolean; voiceInput: boolean };
}

/** What every tenant sees in production where no layer says otherwise. */
export const DEFAULT_CONFIG: DeepReadonly<ChatWidgetFeatureFlags> = Object.freeze({
  sessionPersistence: Object.freeze({
    phase1: Object.freeze({ parentStorage: true, crossDomainMessaging: true, autoRestore: true }),
    phase2: Object.freeze({
      enhancedStorage: true,
      connectionMonitoring: true,
      retryLogic: true,
      offlineMode: true,
    }),
    phase3: Object.freeze({ tabSync: true, performanceMode: true, sessionTracking: true, analytics: true }),
  }),
  experimental: Object.freeze({ aiEnhancements: false, customThemes: false, voiceInput: false }),
});

/** What development and staging set otherwise. */
export const ENVIRONMENT_OVERRIDES: Readonly<
  Record<"development" | "staging", DeepPartial<ChatWidgetFeatureFlags>>
> = Object.freeze({
  development: Object.freeze({
    experimental: Object.freeze({ aiEnhancements: true, customThemes: true, voiceInput: true }),
  }),
  staging: Object.freeze({
    sessionPersistence: Object.freeze({
      phase2: Object.freeze({ offlineMode: false }),
      phase3: Object.freeze({
        tabSync: false,
        performanceMode: false,
        sessionTracking: false,
        analytics: false,
      }),
    }),
  }),
});

/** The chat widget's definition: first match, so a customer's override stands alone over the environment's config. */
export const chatWidgetFlags: FlagDefinition<ChatWidgetFeatureFlags> = defineFlags<ChatWidgetFeatureFlags>({
  defaults: DEFAULT_CONFIG,
  environments: ENVIRONMENT_OVERRIDES,
  resolution: "first-match",
  rules: [
    { path: "sessionPersistence.phase2.enhancedStorage", needs: ["sessionPersistence.phase1.parentStorage"] },
    {
      path: "sessionPersistence.phase3.tabSync",
      needs: ["sessionPersistence.phase1.parentStorage", "sessionPersistence.phase2.enhancedStorage"],
    },
  ],
  describe: {
    "sessionPersistence.phase1.parentStorage": {
      label: "Parent storage",
      text: "Keeps the session in the embedding page's storage.",
      browser: true,
    },
    "sessionPersistence.phase1.crossDomainMessaging": {
      label: "Cross-domain messaging",
      text: "Lets the widget and the embedding page exchange messages across domains.",
      browser: true,
    },
    "sessionPersistence.phase1.autoRestore": {
      label: "Auto-restore",
      text: "Reopens the last conversation when the page loads.",
      browser: true,
    },
    "sessionPersistence.phase2.enhancedStorage": {
      label: "Enhanced storage",
      text: "Stores whole conversations, not only their ids. Needs parent storage.",
      browser: true,
    },
    "sessionPersistence.phase2.connectionMonitoring": {
      label: "Connection monitoring",
      text: "Watches the connection and tells the visitor when it is lost.",
      browser: true,
    },
    "sessionPersistence.phase2.retryLogic": {
      label: "Retry logic",
      text: "Sends messages again that did not go through.",
      browser: true,
    },
    "sessionPersistence.phase2.offlineMode": {
      label: "Offline mode",
      text: "Queues messages while the visitor is offline.",
      browser: true,
    },
    "sessionPersistence.phase3.tabSync": {
      label: "Tab sync",
      text: "Keeps the conversation the same in all tabs. Needs parent storage and enhanced storage.",
      browser: true,
    },
    "sessionPersistence.phase3.performanceMode": {
      label: "Performance mode",
      text: "Renders long conversations in parts.",
      browser: true,
    },
    "sessionPersistence.phase3.sessionTracking": {
      label: "Session tracking",
      text: "Counts sessions per visitor.",
    },
    "sessionPersistence.phase3.analytics": { label: "Analytics", text: "Reports how the widget is used." },
    "experimental.aiEnhancements": {
      label: "AI enhancements",
      text: "Suggests answers while the visitor types.",
    },
    "experimental.customThemes": {
      label: "Custom themes",
      text: "Lets a customer bring its own colours and type.",
    },
    "experimental.voiceInput": { label: "Voice input", text: "Takes spoken messages." },
  },
});

/** The chat widget's config in an environment: the named one, else that of `STRATA_ENV`, `NODE_ENV`, production. */
export function getEnvironmentConfig(
  environment: string = environmentName(),
): DeepReadonly<ChatWidgetFeatureFlags> {
  return chatWidgetFlags.environment(environment).config;
}

/** The rules a config breaks; empty for a sound one. */
export function validateConfig(config: DeepReadonly<ChatWidgetFeatureFlags>): readonly RuleViolation[] {
  return chatWidgetFlags.violations(config);
}

type Phase = 1 | 2 | 3;

/** True if every flag of a phase of session persistence is on. */
export function isPhaseEnabled(config: DeepReadonly<ChatWidgetFeatureFlags>, phase: Phase): boolean {
  return Object.values(config.sessionPersistence[`phase${phase}`]).every(Boolean);
}

/** The highest phase that is on with all phases below it; 0 if the first is not. */
export function highestEnabledPhase(config: DeepReadonly<ChatWidgetFeatureFlags>): 0 | Phase {
  if (!isPhaseEnabled(config, 1)) return 0;
  if (!isPhaseEnabled(config, 2)) return 1;
  return isPhaseEnabled(config, 3) ? 3 : 2;
}
